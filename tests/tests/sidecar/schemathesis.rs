//! schemathesis generates requests from the OpenAPI document, and checks the responses against it.

use std::path::Path;
use std::process::Output;

use serde_json::Value;
use tokio::process::Command;

use crate::running::Running;

/// Runs every check with a token that this command issues. `schemathesis.toml` lists the exceptions.
async fn nothing_is_found(issue: &str, user: &str) -> Running {
    let running = Running::start("--admin root").await;
    let held = running.run(&format!("issue -u {user} -e 1h {issue}")).await;
    let (text, id) = (held["token"].as_str().unwrap(), held["id"].as_str().unwrap());

    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folder = package.join("tests/sidecar");
    let Output { status, stdout, stderr } = Command::new(package.join("../scripts/schemathesis.sh"))
        .arg("--config-file")
        .arg(folder.join("schemathesis.toml"))
        .args(["run", &format!("{}/openapi.json", running.address()), "--checks", "all", "--no-color"])
        .args(["--header", &format!("Authorization: Bearer {text}")])
        .env("SCHEMATHESIS_HOOKS", "hooks")
        .env("PYTHONPATH", &folder)
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .env("OWN_ID", id)
        .env("OWN_USER", user)
        .current_dir(running.home())
        .output()
        .await
        .expect("the script runs");
    let told = String::from_utf8_lossy(&stdout);
    assert!(status.success(), "{told}\n{}", String::from_utf8_lossy(&stderr));
    assert!(told.contains(&format!("Tested: {}\n", operations())), "{told}");

    let shown = running.run(&format!("show {id}")).await;
    assert_eq!(shown["state"], "live", "its token was valid until the end");
    assert!(!running.log().contains("\"level\":\"ERROR\""), "{}", running.log());
    running
}

/// How many operations the document has, without the one that returns the document itself.
fn operations() -> usize {
    let document = include_str!("../../../token-server/openapi.json");
    let document: Value = serde_json::from_str(document).unwrap();
    let items = document["paths"].as_object().unwrap().values();
    let operations =
        items.flat_map(|item| item.as_object().unwrap().values()).filter(|item| item.is_object());
    operations.count() - 1
}

fn times(running: &Running, what: &str) -> usize {
    running.log().matches(what).count()
}

#[tokio::test]
async fn schemathesis_finds_nothing_as_an_administrator() {
    let running = nothing_is_found("", "root").await;
    for what in ["issued a token", "revoked a token", "revoked all tokens"] {
        assert!(times(&running, what) > 10, "{what}: {}", running.log());
    }
}

#[tokio::test]
async fn schemathesis_finds_nothing_as_a_holder() {
    let running = nothing_is_found("", "ci").await;
    assert!(times(&running, "issued a token") > 10, "{}", running.log());
}

#[tokio::test]
async fn schemathesis_finds_nothing_with_a_restricted_token() {
    let running = nothing_is_found("-s node:6f9619ff-8b86-d011-b42d-00cf4fc964ff:r", "ci").await;
    assert_eq!(times(&running, "issued a token") + times(&running, "revoked"), 0, "{}", running.log());
}
