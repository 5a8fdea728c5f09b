//! HAProxy with the Lua action of the book.

use token_tests::programs::{Cli, HaproxyFolder, Upstream, takes_large_uploads};
use token_tests::servers::Standalone;

use crate::clients::{With, curl};

#[tokio::test]
async fn haproxy_forwards_valid_tokens_with_their_identity() {
    let mut redis = Standalone::start().await;
    let cli = Cli::new(&redis.url());
    let sidecar = cli.serve(&[]).await;
    let service = Upstream::start().await;
    let haproxy = HaproxyFolder::in_front_of(service.port(), &sidecar.url()).await;
    let note = format!("{}note", haproxy.url());
    let token = cli.issue("admin", "-a 10m").await;

    for with in [With::Bearer(&token), With::Password("admin", &token)] {
        let forged = ["--header", "X-Token-Scopes: none", "--header", "X-Token-User: root"];
        let answer = curl(&note, with, &forged).await;
        assert_eq!((answer.status, answer.body.as_str()), (201, "admin *"), "{answer:?} {}", haproxy.said());
    }
    let (one, two): (&[&str], &[&str]) = (&[], &["--header", "Authorization: Bearer x"]);
    for (with, more) in
        [(With::Nothing, one), (With::Password("root", &token), one), (With::Bearer(&token), two)]
    {
        let refused = curl(&note, with, more).await;
        assert_eq!(refused.status, 401, "{with:?} {refused:?}");
        assert!(refused.header("www-authenticate").is_some(), "{with:?} {refused:?}");
    }
    assert_eq!(cli.run("revoke -u admin", "").await.code, 0);
    assert_eq!(curl(&note, With::Bearer(&token), &[]).await.status, 401);
    redis.kill();
    assert_eq!(curl(&note, With::Bearer(&token), &[]).await.status, 503);
    drop(sidecar);
    assert_eq!(curl(&note, With::Bearer(&token), &[]).await.status, 503);
}

#[tokio::test]
async fn haproxy_takes_uploads_of_300_mb() {
    let redis = Standalone::start().await;
    let cli = Cli::new(&redis.url());
    let sidecar = cli.serve(&[]).await;
    let service = Upstream::start().await;
    let haproxy = HaproxyFolder::in_front_of(service.port(), &sidecar.url()).await;
    let taken = |name: &str| service.taken(&format!("/files/{name}"));
    takes_large_uploads(&cli, &haproxy.url(), taken, || haproxy.said()).await;
}
