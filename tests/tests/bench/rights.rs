//! The rights that a benchmark needs.

use token_tests::programs::Cli;
use token_tests::servers::Standalone;

use crate::kit::{keys, result};

#[tokio::test]
async fn a_bench_without_the_rights_is_refused_before_it_measures() {
    let server = Standalone::start_with_roles().await;
    for role in ["validator", "issuer"] {
        let ran = Cli::new(&server.url_as(role)).run("bench --json", "").await;
        assert_eq!((ran.code, ran.stdout.as_str()), (3, ""), "{role}: {}", ran.stderr);
        assert!(ran.stderr.contains("like the role admin of deploy/acl"), "{role}: {}", ran.stderr);
        // The keys of the one token that it issued as a check.
        for key in keys(&server).await {
            let lives: i64 = server.command(&["PTTL", &key]).await;
            assert!((1..=10_000).contains(&lives), "{role}: {key} lives for {lives} ms");
        }
    }
}

#[tokio::test]
async fn the_role_admin_may_run_a_bench() {
    let server = Standalone::start_with_roles().await;
    result(&Cli::new(&server.url_as("admin")).run("bench --json --rate 20 --for 1s --tokens 20", "").await);
}

#[tokio::test]
async fn a_key_file_of_another_deployment_is_refused() {
    let server = Standalone::start().await;
    for (cli, version) in [(Cli::new(&server.url()), 'k'), (Cli::embedded(), '1')] {
        assert_eq!(cli.run("issue -u admin -e 1h -q", "").await.code, 0);
        let other = cli.home().join("other-keys");
        // The version that issued the token, with another key.
        std::fs::write(&other, format!("{version} {}", "5eed".repeat(16))).unwrap();
        let before = keys(&server).await.len();
        for command in ["issue -u admin -e 1h -q", "bench --rate 20 --for 1s --tokens 20"] {
            let ran = cli.run(&format!("{command} --key-file {}", other.display()), "").await;
            assert_eq!((ran.code, ran.stdout.as_str()), (2, ""), "{command}: {}", ran.stderr);
            assert!(ran.stderr.contains("is of another deployment"), "{command}: {}", ran.stderr);
        }
        assert_eq!(keys(&server).await.len(), before, "nothing was written");
    }
}
