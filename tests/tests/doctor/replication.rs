//! A primary and a replica without Sentinels.

use token_doctor::FindingStatus::{Failure, Ok, Warning};
use token_tests::servers::Replicated;

use crate::kit::{examined, until};

#[tokio::test]
async fn a_replica_in_step_is_ok_and_one_that_is_far_behind_a_warning() {
    let servers = Replicated::start(1).await;
    let findings = examined(&servers.url()).await;
    assert_eq!((findings.status("replicas"), findings.status("replica-lag")), (Ok, Ok));

    servers.link(0).stall();
    servers.primary().command::<()>(&["SETRANGE", "news", "3000000", "x"]).await;
    // SETRANGE itself is short: the amount of data for the replica matters.
    servers.primary().command::<()>(&["SET", "more", &"x".repeat(3_000_000)]).await;
    let findings = examined(&servers.url()).await;
    assert_eq!(findings.status("replica-lag"), Warning, "{findings:?}");
    assert!(findings.found("replica-lag").contains("2 MiB behind"), "{findings:?}");
}

#[tokio::test]
async fn a_replica_that_has_lost_its_primary_is_a_failure() {
    let servers = Replicated::start(1).await;
    let url = servers.replicas().first().unwrap().url();
    assert_eq!(examined(&url).await.status("replica-lag"), Ok);
    servers.link(0).cut().await;
    until(&url, |findings| findings.status("replica-lag") == Failure).await;
}

#[tokio::test]
async fn a_replica_that_serves_no_stale_data_is_still_examined() {
    let servers = Replicated::start(1).await;
    let replica = servers.replicas().first().unwrap();
    replica.command::<()>(&["CONFIG", "SET", "replica-serve-stale-data", "no"]).await;
    servers.link(0).cut().await;
    let findings = until(&replica.url(), |findings| findings.status("replica-lag") == Failure).await;
    assert_eq!(findings.status("answers"), Ok, "{findings:?}");
    assert!(findings.0.iter().all(|finding| !finding.found.contains("not seen")), "{findings:?}");
}

#[tokio::test]
async fn a_url_of_a_replica_is_a_failure_and_validations_fail_there() {
    let servers = Replicated::start(1).await;
    let findings = examined(&servers.replicas().first().unwrap().url()).await;
    assert_eq!((findings.status("url"), findings.status("scripts")), (Failure, Failure));
    assert_eq!(findings.status("answers"), Ok);
}

#[tokio::test]
async fn demanding_no_replica_is_a_warning_and_missing_one_a_failure() {
    let servers = Replicated::start(1).await;
    assert_eq!(examined(&servers.url()).await.status("min-replicas"), Warning);
    for (demanded, status, scripts) in [("1", Ok, Ok), ("2", Failure, Failure)] {
        servers.primary().command::<()>(&["CONFIG", "SET", "min-replicas-to-write", demanded]).await;
        let findings = examined(&servers.url()).await;
        assert_eq!(
            (findings.status("min-replicas"), findings.status("scripts")),
            (status, scripts),
            "{findings:?}"
        );
    }
}

#[tokio::test]
async fn the_doctor_warns_that_a_restart_empties_the_replicas() {
    let servers = Replicated::start(1).await;
    let found = examined(&servers.url()).await.found("persistence");
    assert!(found.contains("empties the replicas"), "{found}");
}

#[tokio::test]
async fn a_replica_that_serves_from_the_past_is_a_warning() {
    let servers = Replicated::start(1).await;
    let replica = servers.replicas().first().unwrap();
    assert_eq!(examined(&replica.url()).await.status("stale-reads"), Warning);
    replica.command::<()>(&["CONFIG", "SET", "replica-serve-stale-data", "no"]).await;
    assert_eq!(examined(&replica.url()).await.status("stale-reads"), Ok);
}
