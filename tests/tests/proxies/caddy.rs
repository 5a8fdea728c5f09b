//! Caddy with `forward_auth`.

use token_tests::programs::{CaddyFolder, Cli, Upstream, most_scopes, takes_large_uploads};
use token_tests::servers::Standalone;

use crate::clients::{With, curl};
use crate::published::NODE;

#[tokio::test]
async fn caddy_admits_a_valid_token_and_passes_on_its_user() {
    let mut redis = Standalone::start().await;
    let cli = Cli::new(&redis.url());
    let sidecar = cli.serve(&[]).await;
    let folder = CaddyFolder::asking(&sidecar.url(), &[("note", "hello")]).await;
    let note = format!("{}note", folder.url());
    let token = cli.issue("admin", "-a 10m").await;

    for with in [With::Bearer(&token), With::Password("admin", &token)] {
        // The token has no label, so the client's own header must be removed.
        let forged = ["--header", "X-Token-Label: forged", "--header", "X_Token_User: forged"];
        let answer = curl(&note, with, &forged).await;
        assert_eq!((answer.status, answer.body.as_str()), (200, "hello"), "{answer:?}");
        assert_eq!(answer.header("x-seen-underscore"), Some("[]"));
        assert_eq!(
            (answer.header("x-seen-user"), answer.header("x-seen-label")),
            (Some("admin"), Some("[]"))
        );
    }
    let refused = curl(&note, With::Nothing, &[]).await;
    assert_eq!((refused.status, refused.body.contains("hello")), (401, false));
    assert_eq!(cli.run("revoke -u admin", "").await.code, 0);
    assert_eq!(curl(&note, With::Bearer(&token), &[]).await.status, 401);
    redis.kill();
    assert_eq!(curl(&note, With::Bearer(&token), &[]).await.status, 503);
}

/// With `uri /auth?` Caddy does not append the query of the client.
#[tokio::test]
async fn the_clients_query_belongs_to_the_service_behind_caddy() {
    let redis = Standalone::start().await;
    let cli = Cli::new(&redis.url());
    let sidecar = cli.serve(&[]).await;
    let folder = CaddyFolder::asking(&sidecar.url(), &[("note", "hello")]).await;
    let token = cli.issue("admin", "-a 10m").await;
    for query in ["page=1", "access_token=x", "access_token=x&scopes=repo"] {
        let note = format!("{}note?{query}", folder.url());
        let answer = curl(&note, With::Bearer(&token), &[]).await;
        assert_eq!((answer.status, answer.body.as_str()), (200, "hello"), "{query}: {answer:?}");
        assert_eq!(curl(&note, With::Nothing, &[]).await.status, 401, "{query}");
    }
    let note = format!("{}note?access_token={token}", folder.url());
    assert_eq!(curl(&note, With::Nothing, &[]).await.status, 401, "the query admits no request");
}

#[tokio::test]
async fn caddy_takes_uploads_of_300_mb() {
    let redis = Standalone::start().await;
    let cli = Cli::new(&redis.url());
    let sidecar = cli.serve(&[]).await;
    let service = Upstream::start().await;
    let caddy = CaddyFolder::in_front_of(&service.url(), &sidecar.url()).await;
    let taken = |name: &str| service.taken(&format!("/files/{name}"));
    takes_large_uploads(&cli, &caddy.url(), taken, || caddy.said()).await;
}

#[tokio::test]
async fn caddy_takes_tokens_of_256_scopes() {
    let redis = Standalone::start().await;
    let cli = Cli::new(&redis.url());
    let sidecar = cli.serve(&[]).await;
    let service = Upstream::start().await;
    let caddy = CaddyFolder::in_front_of(&service.url(), &sidecar.url()).await;
    let token = most_scopes(&cli, &format!("{NODE}:rw")).await;
    let answer = curl(&caddy.url(), With::Bearer(&token), &[]).await;
    assert_eq!((answer.status, answer.body.as_str()), (201, "admin too-many"), "{answer:?} {}", caddy.said());
}
