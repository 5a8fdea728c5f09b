//! The embedded store.

use serde_json::Value;
use token_tests::programs::Cli;

/// The findings that are worse than ok, and the exit code.
async fn bad(cli: &Cli) -> (i32, Vec<String>) {
    let ran = cli.run("doctor --json", "").await;
    let json: Value = ran.json();
    let all = json["findings"].as_array().unwrap();
    let bad = all.iter().filter(|finding| finding["status"] != "ok");
    (ran.code, bad.map(|finding| finding["check"].as_str().unwrap().to_owned()).collect())
}

async fn with_a_token() -> Cli {
    let cli = Cli::embedded();
    assert_eq!(cli.run("issue -u admin -e 1h -q", "").await.code, 0);
    cli
}

fn database(cli: &Cli) -> std::path::PathBuf {
    cli.home().join(".local/share/token-store/tokens.db")
}

#[tokio::test]
async fn a_missing_store_is_no_failure_and_is_not_created() {
    let cli = Cli::embedded();
    assert_eq!(bad(&cli).await, (0, vec![]));
    assert!(!database(&cli).exists());
}

#[tokio::test]
async fn a_store_in_use_has_no_failure() {
    assert_eq!(bad(&with_a_token().await).await, (0, vec![]));
}

#[tokio::test]
async fn a_file_that_is_no_database_is_a_failure() {
    let cli = with_a_token().await;
    std::fs::write(database(&cli), "something else, and long enough to be looked at as a file of its own")
        .unwrap();
    let (code, bad) = bad(&cli).await;
    assert_eq!(code, 1);
    assert!(bad.contains(&"database".to_owned()), "{bad:?}");
}

#[tokio::test]
async fn a_damaged_page_is_a_failure() {
    let cli = with_a_token().await;
    let file = database(&cli);
    let mut bytes = std::fs::read(&file).unwrap();
    let pages = bytes.len() / 4096;
    assert!(pages > 2, "{pages}");
    // All but the first page, which identifies the file and lists its tables.
    bytes.iter_mut().skip(4096).for_each(|byte| *byte = 0xAA);
    std::fs::write(&file, bytes).unwrap();
    assert_eq!(bad(&cli).await, (1, vec!["integrity".to_owned(), "records".to_owned()]));
}

#[tokio::test]
async fn a_lost_key_file_is_a_failure() {
    let cli = with_a_token().await;
    std::fs::remove_file(database(&cli).with_extension("db.key")).unwrap();
    assert_eq!(bad(&cli).await, (1, vec!["keys".to_owned()]));
}

#[cfg(unix)]
#[tokio::test]
async fn files_that_others_can_read_are_failures() {
    use std::os::unix::fs::PermissionsExt;
    let cli = with_a_token().await;
    for file in [database(&cli), database(&cli).with_extension("db.key")] {
        std::fs::set_permissions(file, PermissionsExt::from_mode(0o644)).unwrap();
    }
    assert_eq!(bad(&cli).await, (1, vec!["file-mode".to_owned(), "keys".to_owned()]));
}
