//! The results of a benchmark.

use token_tests::programs::Cli;
use token_tests::servers::{Cluster, Standalone};

use crate::kit::{keys, number, result, until_there_are_only};

#[tokio::test]
async fn a_bench_at_a_rate_counts_every_call_and_leaves_nothing() {
    let server = Standalone::start().await;
    let cli = Cli::new(&server.url());
    let token = cli.issue("admin", "-e 1h").await;
    let before = keys(&server).await;

    let ran = cli.run("bench --json --rate 50 --for 2s --tokens 30 --users 7 --sliding 50", "").await;
    let json = result(&ran);
    let [calls, not_started, unfinished] =
        ["calls", "not_started", "unfinished"].map(|name| number(&json, name));
    assert_eq!(calls + not_started + unfinished, 100);
    let latency = &json["latency"];
    assert_eq!((number(latency, "count"), number(&json["late"], "count")), (calls, calls));
    let percentiles = ["p50_us", "p90_us", "p99_us", "p99_9_us", "max_us"];
    let percentiles = percentiles.map(|name| latency[name].as_f64().unwrap());
    assert!(percentiles.is_sorted() && percentiles[0] > 0.0, "{json}");
    let per_second = calls as f64 / json["elapsed_s"].as_f64().unwrap();
    assert!((json["per_second"].as_f64().unwrap() - per_second).abs() < 0.01, "{json}");
    let asked = ["rate", "tokens", "users", "sliding_percent"].map(|name| number(&json, name));
    assert_eq!((asked, &json["callers"], &json["stopped"]), ([50, 30, 7, 50], &().into(), &false.into()));

    until_there_are_only(&before, &server).await;
    assert_eq!(cli.run("validate -u admin", &token).await.code, 0);
}

#[tokio::test]
async fn a_bench_by_callers_ends_after_its_time() {
    let server = Standalone::start().await;
    let ran = Cli::new(&server.url()).run("bench --json --callers 3 --for 1s --tokens 30", "").await;
    let json = result(&ran);
    assert!(json["elapsed_s"].as_f64().unwrap() >= 1.0, "{json}");
    assert_eq!((number(&json, "callers"), number(&json, "not_started")), (3, 0));
    assert_eq!((&json["rate"], number(&json, "calls")), (&().into(), number(&json["latency"], "count")));
    until_there_are_only(&[], &server).await;
}

#[tokio::test]
async fn a_bench_works_on_a_cluster() {
    let cluster = Cluster::start().await;
    let ran =
        Cli::new(&cluster.url()).run("bench --json --rate 50 --for 1s --tokens 50 --users 50", "").await;
    let json = result(&ran);
    assert_eq!(
        ["calls", "not_started", "unfinished"].map(|name| number(&json, name)).iter().sum::<u64>(),
        50
    );
    for primary in cluster.primaries().await {
        until_there_are_only(&[], primary).await;
    }
}

#[tokio::test]
async fn the_embedded_store_is_measured_on_a_file_beside_it() {
    let cli = Cli::embedded();
    let token = cli.issue("admin", "-e 1h").await;
    let folder = cli.home().join(".local/share/token-store");
    let files = || {
        let names = std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().file_name());
        let mut names = names.collect::<Vec<_>>();
        names.sort();
        names
    };
    let before = (files(), std::fs::read(folder.join("tokens.db")).unwrap());
    let json = result(&cli.run("bench --json --rate 20 --for 1s --tokens 10", "").await);
    assert_eq!(number(&json, "calls") + number(&json, "not_started") + number(&json, "unfinished"), 20);
    assert_eq!((files(), std::fs::read(folder.join("tokens.db")).unwrap()), before);
    assert_eq!(cli.run("validate -u admin", &token).await.code, 0);
}
