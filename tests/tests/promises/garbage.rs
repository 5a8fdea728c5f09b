//! P9: malformed or foreign text costs no Redis command.

use std::sync::Arc;

use token_core::spi::{Partition, TokenFormat};
use token_core::{KeyRing, Lifetime, Prefix, Reason, Requirement, Verdict, os_rng};

use crate::kit::{Deployment, issue, span, tokens_at};

#[tokio::test]
async fn a_hundred_thousand_pieces_of_garbage_cost_no_command() {
    let deployment = Deployment::standalone().await;
    let tokens = tokens_at(&deployment.url()).await;
    let live = issue(&tokens, "admin", Lifetime::hard(span("1h"))).await;
    let text = live.token.expose_secret();
    // Well-formed tokens of other deployments: of the public key, and of another key with our version.
    let others = [KeyRing::public(), KeyRing::parse(&format!("k {}", "ab".repeat(32))).unwrap()]
        .map(|keys| TokenFormat::new(Prefix::default(), Arc::new(keys)));
    let mut rng = os_rng().unwrap();

    deployment.forget_commands().await;
    for n in 0..100_000_u32 {
        let garbage = match n % 5 {
            0 | 1 => {
                let partition = Partition::new((n % 1024) as u16).unwrap();
                others[(n % 5) as usize].generate(partition, &mut rng).expose_secret().to_owned()
            }
            2 => changed(text, n as usize),
            3 => format!("tok_k{n:051}"),
            _ => format!("{text}{n}"),
        };
        let verdict = tokens.validate(&garbage, &Requirement::any()).await.unwrap();
        assert!(matches!(verdict, Verdict::Inactive(Reason::Malformed(_))), "{verdict:?}");
    }
    let commands = deployment.commands().await;
    assert!(commands.is_empty(), "{commands:?}");
    // The same check sees a command if there is one.
    tokens.validate(text, &Requirement::any()).await.unwrap();
    assert!(!deployment.commands().await.is_empty());
}

/// The text with one of its characters replaced by another one.
fn changed(text: &str, n: usize) -> String {
    let mut bytes = text.as_bytes().to_vec();
    let at = n % bytes.len();
    let with = b"09AZaz_-"[n / 7 % 8];
    bytes[at] = if bytes[at] == with { b'5' ^ u8::from(with == b'5') } else { with };
    String::from_utf8(bytes).unwrap()
}
