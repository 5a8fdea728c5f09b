//! A node with the key file of another deployment, or without the key file that other nodes have, is refused and writes
//! nothing.

use std::sync::Arc;

use token_core::{
    Access, IssueRequest, KeyFit, KeyRing, KeyVersion, Lifetime, Prefix, Requirement, StoreErrorKind,
    TokenService,
};
use token_redis::{Options, RedisStore};
use token_tests::servers::Standalone;

use crate::command_line::Cli;
use crate::kit::{Deployment, Tokens, issue, span, tokens_at};

/// Another key with the same version as in the key file of all tests.
fn others() -> String {
    format!("k {}", "5eed".repeat(16))
}

/// A rotated key file: a new key issues, the old one validates.
fn rotated() -> String {
    format!("2 {}\n{}", "ab".repeat(32), token_tests::programs::KEY_FILE)
}

async fn tokens_of(url: &str, key_file: &str) -> Tokens {
    let keys = Arc::new(KeyRing::parse(key_file).unwrap());
    let mut options = Options::default();
    options.deadline = std::time::Duration::from_secs(40);
    TokenService::new(RedisStore::connect(url, keys, options).await.unwrap(), Prefix::default())
}

fn hard() -> Lifetime {
    Lifetime::hard(span("1h"))
}

async fn another_key_issues_nothing(deployment: &Deployment) {
    let url = deployment.url();
    let tokens = tokens_at(&url).await;
    assert_eq!(tokens.store().key_fit().await, KeyFit::Unknown, "nothing is issued yet");
    issue(&tokens, "admin", hard()).await;
    assert_eq!(tokens.store().key_fit().await, KeyFit::Fits);

    let others = tokens_of(&url, &others()).await;
    let mut before = deployment.all_keys().await;
    for _ in 0..2 {
        let request = IssueRequest::new("admin".parse().unwrap(), Access::Full, hard());
        let refused = others.issue(&request).await.unwrap_err().into_store().unwrap();
        assert_eq!(refused.kind(), StoreErrorKind::Misconfigured);
        assert!(refused.to_string().contains("its key version k is not the key version k"), "{refused}");
    }
    let mut after = deployment.all_keys().await;
    before.sort();
    after.sort();
    assert_eq!(after, before);
    assert_eq!(others.store().key_fit().await, KeyFit::Differs(KeyVersion::new(b'k').unwrap()));
    issue(&tokens, "admin", hard()).await;
}

#[tokio::test]
async fn another_key_of_the_same_version_issues_nothing_on_a_server() {
    another_key_issues_nothing(&Deployment::standalone().await).await;
}

#[tokio::test]
async fn another_key_of_the_same_version_issues_nothing_on_a_cluster() {
    another_key_issues_nothing(&Deployment::cluster().await).await;
}

#[tokio::test]
async fn a_rotated_key_file_is_of_the_same_deployment() {
    let server = Standalone::start().await;
    let old = tokens_at(&server.url()).await;
    let issued = issue(&old, "admin", hard()).await;
    let new = tokens_of(&server.url(), &rotated()).await;
    assert_eq!(new.store().key_fit().await, KeyFit::Fits);
    issue(&new, "admin", hard()).await;
    let verdict = new.validate(issued.token.expose_secret(), &Requirement::any()).await.unwrap();
    assert!(verdict.grant().is_some());
    for tokens in [&old, &new] {
        assert_eq!(tokens.store().key_fit().await, KeyFit::Fits);
        issue(tokens, "admin", hard()).await;
    }
}

async fn the_public_key_issues_nothing(deployment: &Deployment) {
    let url = deployment.url();
    issue(&tokens_at(&url).await, "admin", hard()).await;
    let keys = Arc::new(KeyRing::public());
    let public = RedisStore::connect(&url, keys, Options::default()).await.unwrap();
    let public = TokenService::new(public, Prefix::default());
    let mut before = deployment.all_keys().await;
    for _ in 0..2 {
        let request = IssueRequest::new("admin".parse().unwrap(), Access::Full, hard());
        let refused = public.issue(&request).await.unwrap_err().into_store().unwrap();
        assert_eq!(refused.kind(), StoreErrorKind::Misconfigured);
        assert!(refused.to_string().contains("set TOKEN_KEY_FILE"), "{refused}");
    }
    let mut after = deployment.all_keys().await;
    before.sort();
    after.sort();
    assert_eq!(after, before);
}

#[tokio::test]
async fn the_public_key_issues_nothing_among_keyed_nodes_on_a_server() {
    the_public_key_issues_nothing(&Deployment::standalone().await).await;
}

#[tokio::test]
async fn the_public_key_issues_nothing_among_keyed_nodes_on_a_cluster() {
    the_public_key_issues_nothing(&Deployment::cluster().await).await;
}

#[tokio::test]
async fn a_key_file_may_follow_the_public_key() {
    let server = Standalone::start().await;
    let keys = Arc::new(KeyRing::public());
    let public = RedisStore::connect(&server.url(), keys, Options::default()).await.unwrap();
    issue(&TokenService::new(public, Prefix::default()), "admin", hard()).await;
    issue(&tokens_at(&server.url()).await, "admin", hard()).await;
}

#[tokio::test]
async fn the_command_without_a_key_file_is_refused_among_keyed_nodes() {
    let server = Standalone::start().await;
    Cli::new(&server.url()).issue("admin", "-e 1h").await;
    let cli = Cli::new(&server.url()).without_key_file();
    for arguments in ["serve --listen 127.0.0.1:0", "issue -u admin -e 1h"] {
        let ran = cli.run(arguments, "").await;
        assert_eq!(ran.code, 2, "{arguments}: {}", ran.stderr);
        let said = ran.stderr.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(said.contains("set TOKEN_KEY_FILE"), "{arguments}: {said}");
    }
    let found = cli.run("doctor --json", "").await.json();
    let findings = found["findings"].as_array().unwrap();
    let finding = findings.iter().find(|finding| finding["check"] == "key-versions").unwrap();
    assert_eq!(finding["status"], "failure", "{finding}");
}

#[tokio::test]
async fn doctor_names_a_key_version_that_this_node_lacks() {
    let server = Standalone::start().await;
    let (cli, rotated_cli) = (Cli::new(&server.url()), Cli::new(&server.url()));
    std::fs::write(rotated_cli.home().join("keys"), rotated()).unwrap();
    for (cli, status) in [(&cli, "ok"), (&rotated_cli, "ok"), (&cli, "warning")] {
        cli.issue("admin", "-e 1h").await;
        let found = cli.run("doctor --json", "").await.json();
        let findings = found["findings"].as_array().unwrap();
        let finding = findings.iter().find(|finding| finding["check"] == "key-versions").unwrap();
        assert_eq!(finding["status"], status, "{finding}");
        let names = finding["found"].as_str().unwrap().contains("key version 2, which this node lacks");
        assert_eq!(names, status == "warning", "{finding}");
    }
}

#[tokio::test]
async fn a_user_without_the_right_to_the_check_values_still_issues() {
    let server = Standalone::start().await;
    server.command::<()>(&["ACL", "SETUSER", "narrow", "on", ">secret", "~tok:{??}:*", "&*", "+@all"]).await;
    let tokens = tokens_at(&server.url().replace("redis://", "redis://narrow:secret@")).await;
    issue(&tokens, "admin", hard()).await;
    assert_eq!(tokens.store().key_fit().await, KeyFit::Unknown);
}

#[tokio::test]
async fn the_command_refuses_the_key_file_of_another_deployment() {
    let server = Standalone::start().await;
    let (cli, others_cli) = (Cli::new(&server.url()), Cli::new(&server.url()));
    std::fs::write(others_cli.home().join("keys"), others()).unwrap();
    cli.issue("admin", "-e 1h").await;
    for arguments in ["serve --listen 127.0.0.1:0", "issue -u admin -e 1h"] {
        let ran = others_cli.run(arguments, "").await;
        assert_eq!(ran.code, 2, "{arguments}: {}", ran.stderr);
        let said = ran.stderr.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(said.contains("of another deployment: its key version k is not"), "{arguments}: {said}");
    }
    for (cli, status) in [(&others_cli, "failure"), (&cli, "ok")] {
        let found = cli.run("doctor --json", "").await.json();
        let findings = found["findings"].as_array().unwrap();
        let finding = findings.iter().find(|finding| finding["check"] == "key-versions").unwrap();
        assert_eq!(finding["status"], status, "{finding}");
    }
}
