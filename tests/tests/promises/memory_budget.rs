//! At most 300 bytes of Redis memory for a token, including the index, with five tokens per subject.

use token_core::Lifetime;

use crate::kit::{Deployment, issue, span, tokens_at};

const SUBJECTS: usize = 1_000;
const TOKENS_EACH: usize = 5;

#[tokio::test]
async fn a_token_takes_at_most_300_bytes() {
    let deployment = Deployment::standalone().await;
    let tokens = tokens_at(&deployment.url()).await;
    // Connections, scripts and buffers are not part of the tokens.
    issue(&tokens, "somebody", Lifetime::hard(span("1h"))).await;
    let before = dataset(&deployment).await;
    for n in 0..SUBJECTS * TOKENS_EACH {
        issue(
            &tokens,
            &format!("user-{}", n % SUBJECTS),
            Lifetime::capped(span("10m"), span("28d")).unwrap(),
        )
        .await;
    }
    let each = (dataset(&deployment).await - before) / (SUBJECTS * TOKENS_EACH);
    assert!(each <= 300, "{each} bytes");
    assert!(each > 100, "{each} bytes: the measurement saw the tokens");
}

async fn dataset(deployment: &Deployment) -> usize {
    let info = deployment.each::<String>(&["INFO", "memory"]).await.concat();
    info.lines().find_map(|line| line.strip_prefix("used_memory_dataset:")).unwrap().parse().unwrap()
}
