//! How a benchmark ends when it is stopped, killed or fails.

use std::time::Duration;

use token_tests::programs::{Cli, Signal};
use token_tests::servers::Standalone;

use crate::kit::{keys, number, result, scripts, until, until_there_are_only};

/// Each issue is two scripts: if clearly more scripts have run, the measurement has started.
const TOKENS: u64 = 20;
const MEASURING: u64 = 2 * TOKENS + 10;

#[tokio::test]
async fn a_stopped_bench_reports_its_results_and_leaves_no_keys() {
    for signal in [Signal::INT, Signal::TERM] {
        let server = Standalone::start().await;
        let arguments = format!("bench --json --rate 50 --for 1h --tokens {TOKENS}");
        let cli = Cli::new(&server.url());
        let running = cli.start(&arguments);
        until("it measures", async || scripts(&server).await > MEASURING).await;
        running.signal(signal);
        let json = result(&running.until_it_ends().await);
        assert!(number(&json, "calls") > 0, "{json}");
        assert_eq!(json["stopped"], true);
        until_there_are_only(&[], &server).await;
    }
}

#[tokio::test]
async fn a_bench_stopped_while_it_issues_leaves_no_keys() {
    let server = Standalone::start().await;
    let cli = Cli::new(&server.url());
    let running = cli.start("bench --json --tokens 1000000");
    until("it issues", async || keys(&server).await.len() > 100).await;
    running.signal(Signal::INT);
    let ran = running.until_it_ends().await;
    assert_eq!((ran.code, ran.stdout.as_str()), (3, ""), "{}", ran.stderr);
    assert!(ran.stderr.contains("stopped before anything was measured"), "{}", ran.stderr);
    until_there_are_only(&[], &server).await;
}

#[tokio::test]
async fn a_killed_bench_leaves_only_keys_that_expire_soon() {
    let server = Standalone::start().await;
    let arguments = format!("bench --rate 50 --for 20m --tokens {TOKENS} --sliding 50");
    let cli = Cli::new(&server.url());
    let mut running = cli.start(&arguments);
    until("it measures", async || scripts(&server).await > MEASURING).await;
    running.signal(Signal::KILL);
    until("it ends", async || running.has_ended()).await;
    let left = keys(&server).await;
    assert!(left.len() as u64 >= TOKENS, "{left:?}");
    let longest = Duration::from_secs(52 * 60).as_millis() as i64;
    for key in left {
        let lives: i64 = server.command(&["PTTL", &key]).await;
        assert!((1..=longest).contains(&lives), "{key} lives for {lives} ms");
    }
}

#[tokio::test]
async fn a_bench_with_refused_tokens_ends_with_1() {
    let server = Standalone::start().await;
    let cli = Cli::new(&server.url());
    let running = cli.start(&format!("bench --json --rate 50 --for 1h --tokens {TOKENS}"));
    until("it measures", async || scripts(&server).await > MEASURING).await;
    server.command::<()>(&["FLUSHALL"]).await;
    let so_far = scripts(&server).await;
    until("its validations are refused", async || scripts(&server).await > so_far + 10).await;
    running.signal(Signal::INT);
    let ran = running.until_it_ends().await;
    let json = ran.json();
    assert!(number(&json["errors"], "inactive") > 0, "{json}");
    let others = json["errors"].as_object().unwrap().len() > 1;
    assert_eq!(ran.code, if others { 3 } else { 1 }, "{json}");
}

#[tokio::test]
async fn a_bench_that_loses_its_store_names_leftovers_and_ends_with_3() {
    let mut server = Standalone::start().await;
    let cli = Cli::new(&server.url());
    let mut running = cli.start(&format!("bench --json --rate 50 --for 1h --tokens {TOKENS} --users 4"));
    until("it measures", async || scripts(&server).await > MEASURING).await;
    server.kill();
    // The first signal ends the measurement, the second one the attempts to clean up.
    until("it ends", async || {
        running.signal(Signal::INT);
        running.has_ended()
    })
    .await;
    let ran = running.until_it_ends().await;
    assert_eq!((ran.code, ran.stdout.lines().count()), (3, 1), "{ran:?}");
    let said: serde_json::Value = serde_json::from_str(&ran.stderr).unwrap();
    assert_eq!(said["error"]["kind"], "not_cleaned_up");
    let left = "the tokens of 4 users could not be revoked; they expire within 2h12m";
    assert_eq!(said["error"]["message"], left);
}

#[tokio::test]
async fn a_failure_and_what_it_leaves_are_one_json_object() {
    let mut server = Standalone::start().await;
    let cli = Cli::new(&server.url());
    let mut running = cli.start("bench --json --tokens 1000000");
    until("it issues", async || keys(&server).await.len() > 100).await;
    server.kill();
    // It cannot clean up either; a second signal ends the attempt.
    until("it ends", async || {
        running.signal(Signal::INT);
        running.has_ended()
    })
    .await;
    let ran = running.until_it_ends().await;
    assert_eq!((ran.code, ran.stdout.as_str()), (3, ""), "{ran:?}");
    let said: serde_json::Value = serde_json::from_str(&ran.stderr).unwrap();
    let message = said["error"]["message"].as_str().unwrap();
    assert!(message.contains("could not be revoked; they expire within"), "{message}");
    assert_ne!(said["error"]["kind"], "not_cleaned_up", "the failure comes first: {said}");
}
