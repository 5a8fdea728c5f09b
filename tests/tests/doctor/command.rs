//! The command `token-cli doctor`.

use serde_json::Value;
use token_tests::programs::Cli;
use token_tests::servers::Standalone;

use crate::kit::{by, user};

/// The status of a check.
fn status<'a>(json: &'a Value, check: &str) -> &'a str {
    let all = json["findings"].as_array().unwrap();
    all.iter().find(|finding| finding["check"] == check).unwrap()["status"].as_str().unwrap()
}

#[tokio::test]
async fn warnings_end_with_0_and_a_failure_with_1() {
    let server = Standalone::start().await;
    let cli = Cli::new(&server.url());
    let ran = cli.run("doctor", "").await;
    assert_eq!(ran.code, 0, "{}", ran.stdout);
    assert!(ran.stdout.ends_with(" warnings, 0 failures\n"), "{}", ran.stdout);
    server.command::<()>(&["CONFIG", "SET", "maxmemory-policy", "allkeys-lru"]).await;
    let ran = cli.run("doctor", "").await;
    assert_eq!(ran.code, 1, "{}", ran.stdout);
    assert!(
        ran.stdout.contains("\neviction\n  good  maxmemory-policy noeviction\n  why   "),
        "{}",
        ran.stdout
    );
}

#[tokio::test]
async fn json_is_one_line_with_every_finding_in_full() {
    let server = Standalone::start().await;
    let ran = Cli::new(&server.url()).run("doctor --json", "").await;
    assert_eq!((ran.code, ran.stdout.lines().count(), ran.stderr.as_str()), (0, 1, ""));
    let json = ran.json();
    let findings = json["findings"].as_array().unwrap();
    let counted = ["ok", "warnings", "failures"].map(|name| json[name].as_u64().unwrap());
    assert_eq!(counted.iter().sum::<u64>(), findings.len() as u64);
    for finding in findings {
        assert!(["found", "wanted", "why"].iter().all(|&part| !finding[part].as_str().unwrap().is_empty()));
    }
    assert_eq!((status(&json, "eviction"), status(&json, "keys")), ("ok", "ok"));
}

#[tokio::test]
async fn a_store_that_is_down_ends_with_1_and_says_which() {
    let mut server = Standalone::start().await;
    let url = server.url();
    server.kill();
    let ran = Cli::new(&url).run("doctor", "").await;
    assert_eq!(ran.code, 1, "{}", ran.stderr);
    assert!(ran.stdout.contains(url.trim_start_matches("redis://")), "{}", ran.stdout);
}

#[tokio::test]
async fn a_clock_that_is_an_hour_off_is_a_warning_either_way() {
    let server = Standalone::start().await;
    for (offset, side) in [("+1h", "behind"), ("-1h", "ahead of")] {
        let json = Cli::new(&server.url()).with_clock(offset).run("doctor --json", "").await.json();
        assert_eq!(status(&json, "clock"), "warning");
        assert!(json.to_string().contains(&format!(" s {side} the clock of this machine")), "{json}");
    }
    let json = Cli::new(&server.url()).run("doctor --json", "").await.json();
    assert_eq!(status(&json, "clock"), "ok");
}

#[tokio::test]
async fn the_role_is_the_name_of_the_user_unless_another_is_given() {
    let server = Standalone::start().await;
    let cli = Cli::new(&by(&user(&server, "validator", &[]).await, &server.url()));
    assert_eq!(status(&cli.run("doctor --json", "").await.json(), "acl"), "ok");
    let ran = cli.run("doctor --json --role admin", "").await;
    assert_eq!((ran.code, status(&ran.json(), "acl")), (1, "failure"));
}

#[tokio::test]
async fn an_unknown_role_and_a_malformed_url_are_usage_errors() {
    let cli = Cli::new("redis://127.0.0.1:1/nonsense");
    assert_eq!(cli.run("doctor --role root", "").await.code, 2);
    assert_eq!(cli.run("doctor", "").await.code, 2);
}

#[cfg(unix)]
#[tokio::test]
async fn a_key_file_readable_by_others_or_without_a_key_is_a_failure() {
    use std::os::unix::fs::PermissionsExt;
    let server = Standalone::start().await;
    let cli = Cli::new(&server.url());
    let file = cli.home().join("keys");
    std::fs::set_permissions(&file, PermissionsExt::from_mode(0o644)).unwrap();
    assert_eq!(status(&cli.run("doctor --json", "").await.json(), "keys"), "failure");
    std::fs::set_permissions(&file, PermissionsExt::from_mode(0o600)).unwrap();
    assert_eq!(status(&cli.run("doctor --json", "").await.json(), "keys"), "ok");
    std::fs::write(&file, "no key").unwrap();
    assert_eq!(status(&cli.run("doctor --json", "").await.json(), "keys"), "failure");
}
