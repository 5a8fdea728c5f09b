//! Sentinels, and the servers that they monitor.

use std::collections::BTreeSet;

use token_doctor::FindingStatus::{Failure, Ok};
use token_tests::servers::Sentinel;

use crate::kit::{examined, name, until};

#[tokio::test]
async fn the_doctor_examines_the_sentinels_and_the_servers_they_name() {
    let all = Sentinel::start().await;
    let findings = examined(&all.url()).await;
    let seen: BTreeSet<_> = findings.of("answers").map(|finding| finding.node.clone().unwrap()).collect();
    assert_eq!(seen, all.servers().iter().map(name).collect());
    for check in ["sentinel", "sentinel-primary", "sentinel-quorum", "replicas", "replica-lag", "scripts"] {
        assert_eq!(findings.status(check), Ok, "{findings:?}");
    }
    assert!(findings.failures().is_empty(), "{findings:?}");
}

#[tokio::test]
async fn a_sentinel_that_is_down_and_a_lost_quorum_are_failures() {
    let all = Sentinel::start().await;
    let [one, two, _] = all.sentinels() else { panic!("there are three") };
    one.kill();
    let findings = examined(&all.url()).await;
    assert_eq!(findings.failures(), [("sentinel", format!("sentinel {}", name(one)).as_str())]);
    two.kill();
    until(&all.url(), |findings| findings.status("sentinel-quorum") == Failure).await;
}

#[tokio::test]
async fn a_replica_that_is_down_is_a_failure_for_its_primary_too() {
    let all = Sentinel::start().await;
    let replica = &all.servers()[1];
    replica.kill();
    let findings = until(&all.url(), |findings| findings.status("replicas") == Failure).await;
    assert!(findings.failures().contains(&("answers", &name(replica))), "{findings:?}");
}

#[tokio::test]
async fn a_service_that_no_sentinel_knows_is_a_failure() {
    let all = Sentinel::start().await;
    let findings = examined(&all.url().replace("=tokens", "=other")).await;
    assert_eq!((findings.status("sentinel"), findings.status("sentinel-primary")), (Failure, Failure));
}
