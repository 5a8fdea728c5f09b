//! A stock OAuth 2 client.

use std::process::Stdio;

use serde_json::{Value, json};
use token_tests::programs::{Cli, installed, script};
use token_tests::servers::Standalone;
use tokio::io::AsyncWriteExt;
use tokio::process::Command;

async fn client(asked: Value) -> Value {
    let mut command = Command::new(installed("tools/bin/python"));
    command.arg(script("oauth_client.py")).env("AUTHLIB_INSECURE_TRANSPORT", "1").kill_on_drop(true);
    let mut child =
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(asked.to_string().as_bytes()).await.unwrap();
    let output = child.wait_with_output().await.unwrap();
    let told = String::from_utf8_lossy(&output.stderr);
    serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("it answered nothing: {told}"))
}

#[tokio::test]
async fn authlib_finds_the_endpoints_introspects_and_revokes() {
    let redis = Standalone::start().await;
    let cli = Cli::new(&redis.url());
    // Authlib does not encode name and secret in Basic.
    let sidecar = cli.serve(&["--admin", "files+ci"]).await;
    let secret = cli.issue("files+ci", "-a 10m").await;
    for method in ["client_secret_basic", "client_secret_post"] {
        let token = cli.issue("admin", "-a 10m").await;
        let answers = client(json!({
            "issuer": sidecar.url(),
            "client_id": "files+ci",
            "client_secret": secret,
            "method": method,
            "token": token,
        }));
        let answers = answers.await;
        assert_eq!(answers["metadata"]["issuer"], json!(sidecar.url()), "{answers}");
        let first = &answers["first"];
        assert_eq!(
            (&first["status"], &first["body"]["sub"]),
            (&json!(200), &json!("admin")),
            "{method}: {answers}"
        );
        assert_eq!(answers["revoked"], json!(200), "{method}: {answers}");
        assert_eq!(answers["second"]["body"], json!({ "active": false }), "{method}: {answers}");
    }
}

#[tokio::test]
async fn authlib_revokes_a_token_as_a_public_client() {
    let redis = Standalone::start().await;
    let cli = Cli::new(&redis.url());
    let sidecar = cli.serve(&[]).await;
    let token = cli.issue("admin", "-a 10m").await;
    let asked = json!({
        "issuer": sidecar.url(),
        "client_id": "anything",
        "client_secret": null,
        "method": "none",
        "token": token,
    });
    assert_eq!(client(asked).await["revoked"], json!(200));
    assert_eq!(cli.run("validate", &token).await.code, 1);
}
