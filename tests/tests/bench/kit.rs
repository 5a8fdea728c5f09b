//! Helpers for the tests.

use std::time::Duration;

use serde_json::Value;
use token_tests::programs::Ran;
use token_tests::servers::Server;

/// All keys of a server that have not expired.
pub(crate) async fn keys(server: &Server) -> Vec<String> {
    server.command(&["KEYS", "*"]).await
}

/// Waits until a server has only these keys: tombstones of the benchmark stay for a millisecond.
pub(crate) async fn until_there_are_only(expected: &[String], server: &Server) {
    until("nothing is left", async || keys(server).await.iter().all(|key| expected.contains(key))).await;
    assert_eq!(keys(server).await.len(), expected.len());
}

/// Waits until the condition is true.
pub(crate) async fn until(what: &str, mut is: impl AsyncFnMut() -> bool) {
    for _ in 0..1_500 {
        if is().await {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("it never came to that: {what}")
}

/// How many scripts a server has run.
pub(crate) async fn scripts(server: &Server) -> u64 {
    let info: String = server.command(&["INFO", "commandstats"]).await;
    let line = info.lines().find_map(|line| line.strip_prefix("cmdstat_evalsha:calls="));
    line.map_or(0, |line| line.split(',').next().unwrap().parse().unwrap())
}

/// The result, which is one line and the only output. On a busy machine a call may have timed out: then the exit code says so.
pub(crate) fn result(ran: &Ran) -> Value {
    assert_eq!((ran.stdout.lines().count(), ran.stderr.as_str()), (1, ""), "{ran:?}");
    let json = ran.json();
    assert_eq!(ran.code, if failed(&json) + number(&json, "unfinished") == 0 { 0 } else { 3 }, "{json}");
    json
}

pub(crate) fn failed(json: &Value) -> u64 {
    let errors = json["errors"].as_object().unwrap();
    assert!(!errors.contains_key("inactive"), "a live token was refused: {json}");
    errors.values().map(|count| count.as_u64().unwrap()).sum()
}

pub(crate) fn number(json: &Value, name: &str) -> u64 {
    json[name].as_u64().unwrap_or_else(|| panic!("{name} in {json}"))
}
