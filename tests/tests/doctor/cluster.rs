//! A cluster: all nodes are examined, including those that the URL does not name.

use std::collections::BTreeSet;
use std::time::Duration;

use token_doctor::FindingStatus::{Failure, Ok, Warning};
use token_redis::Options;
use token_tests::servers::{Cluster, Standalone};

use crate::kit::{by, examined, examined_with, name, until, user};

#[tokio::test]
async fn every_node_of_a_cluster_is_examined_though_the_url_names_one() {
    let cluster = Cluster::start().await;
    let one = format!("redis-cluster://{}", name(&cluster.nodes()[0]));
    let findings = examined(&one).await;
    let seen: BTreeSet<_> = findings.of("answers").map(|finding| finding.node.clone().unwrap()).collect();
    assert_eq!(seen, cluster.nodes().iter().map(name).collect());
    assert!(findings.failures().is_empty(), "{findings:?}");
    for check in ["cluster", "node-timeout", "validity-factor", "replicas", "replica-lag", "clocks"] {
        assert_eq!(findings.status(check), Ok, "{findings:?}");
    }
    assert_eq!(findings.of("scripts").count(), 3, "a validation at each primary");
}

#[tokio::test]
async fn a_wrong_setting_is_reported_for_the_node_that_has_it() {
    let cluster = Cluster::start().await;
    let [one, .., other] = cluster.nodes() else { panic!("a cluster has nodes") };
    one.command::<()>(&["CONFIG", "SET", "cluster-replica-validity-factor", "0"]).await;
    other.command::<()>(&["CONFIG", "SET", "cluster-node-timeout", "15000"]).await;
    let findings = examined(&cluster.url()).await;
    assert_eq!(findings.failures(), [("validity-factor", name(one).as_str())]);
    assert!(findings.bad(Warning).contains(&("node-timeout", &name(other))), "{findings:?}");
    assert!(!findings.bad(Warning).contains(&("node-timeout", &name(one))), "{findings:?}");
}

#[tokio::test]
async fn a_killed_replica_is_a_failure_for_itself_and_its_primary() {
    let cluster = Cluster::start().await;
    let primary = cluster.primaries().await[0];
    let replica = cluster.replica_of(primary).await;
    replica.kill();
    let findings = until(&cluster.url(), |findings| findings.status("replicas") == Failure).await;
    let failures = findings.failures();
    assert!(failures.contains(&("answers", &name(replica))), "{findings:?}");
    assert!(failures.contains(&("replicas", &name(primary))), "{findings:?}");
}

#[tokio::test]
async fn a_hung_node_is_a_failure_by_the_deadline() {
    let cluster = Cluster::start().await;
    let node = &cluster.nodes()[0];
    node.pause();
    let mut options = Options::default();
    options.deadline = Duration::from_secs(2);
    let findings = examined_with(&cluster.url(), &options, None).await;
    assert!(findings.failures().contains(&("answers", &name(node))), "{findings:?}");
}

#[tokio::test]
async fn a_cluster_with_unserved_slots_is_a_failure() {
    let cluster = Cluster::start().await;
    let owner = cluster.owner_of(0).await;
    for node in cluster.nodes() {
        node.command::<()>(&["CLUSTER", "DELSLOTS", "0"]).await;
    }
    let findings = examined(&cluster.url()).await;
    assert!(findings.failures().contains(&("cluster", &name(owner))), "{findings:?}");
    assert!(findings.found("cluster").contains("16383 of 16384"), "{findings:?}");
}

#[tokio::test]
async fn a_slot_that_an_interrupted_reshard_left_open_is_a_warning() {
    let cluster = Cluster::start().await;
    let slot = 93;
    let from = cluster.owner_of(slot).await;
    let to = cluster.primaries().await.into_iter().find(|other| other.port() != from.port()).unwrap();
    assert_eq!(examined(&cluster.url()).await.of("open-slots").count(), 0);
    let begun = cluster.begin_move(slot, to).await;
    let findings = examined(&cluster.url()).await;
    let both = BTreeSet::from([name(from), name(to)]);
    let told: BTreeSet<_> = findings.of("open-slots").map(|finding| finding.node.clone().unwrap()).collect();
    assert_eq!(findings.status("open-slots"), Warning, "{findings:?}");
    // A replica of Valkey reports the move, too.
    assert!(told.is_superset(&both), "{findings:?}");
    assert!(findings.of("open-slots").all(|finding| finding.found == "1 on the move: 93"), "{findings:?}");
    assert!(findings.failures().is_empty(), "all slots are served: {findings:?}");
    begun.finish().await;
    cluster.wait_until_well().await;
    assert_eq!(examined(&cluster.url()).await.of("open-slots").count(), 0);
}

#[tokio::test]
async fn a_cluster_that_is_down_validates_nothing() {
    let cluster = Cluster::start().await;
    for node in cluster.nodes() {
        node.command::<()>(&["CLUSTER", "DELSLOTS", "0"]).await;
    }
    let findings =
        until(&cluster.url(), |findings| findings.of("scripts").all(|one| one.status == Failure)).await;
    assert!(findings.found("scripts").contains("CLUSTERDOWN"), "{findings:?}");
    assert_eq!(findings.status("answers"), Ok, "{findings:?}");
}

#[tokio::test]
async fn the_doctor_role_sees_everything_and_has_no_other_rights() {
    let cluster = Cluster::start().await;
    let mut doctor = String::new();
    for node in cluster.nodes() {
        doctor = user(node, "doctor", &[]).await;
    }
    let findings = examined(&by(&doctor, &cluster.url())).await;
    assert_eq!(findings.status("acl"), Ok, "{findings:?}");
    assert!(findings.0.iter().all(|finding| !finding.found.contains("not seen")), "{findings:?}");
}

#[tokio::test]
async fn a_finding_names_what_a_validator_could_not_see() {
    let cluster = Cluster::start().await;
    let mut validator = String::new();
    for node in cluster.nodes() {
        validator = user(node, "validator", &[]).await;
    }
    let findings = examined(&by(&validator, &cluster.url())).await;
    assert_eq!((findings.status("acl"), findings.status("scripts")), (Ok, Ok), "{findings:?}");
    for check in ["node-timeout", "validity-factor"] {
        assert_eq!(findings.status(check), Warning);
        assert!(findings.found(check).contains("not seen: this user may not config|get"));
    }
    assert!(findings.failures().is_empty(), "{findings:?}");
}

#[tokio::test]
async fn a_user_that_one_node_does_not_know_is_a_failure_there() {
    let cluster = Cluster::start().await;
    let (stranger, others) = cluster.nodes().split_first().unwrap();
    let mut admin = String::new();
    for node in others {
        admin = user(node, "admin", &[]).await;
    }
    let findings = examined(&by(&admin, &cluster.url())).await;
    assert_eq!(findings.failures(), [("answers", name(stranger).as_str())], "{findings:?}");
}

#[tokio::test]
async fn a_url_of_the_wrong_kind_is_a_failure() {
    let alone = Standalone::start().await;
    let findings = examined(&alone.url().replace("redis://", "redis-cluster://")).await;
    assert_eq!(findings.status("url"), Failure, "{findings:?}");
    let cluster = Cluster::start().await;
    let findings = examined(&cluster.nodes()[0].url()).await;
    assert_eq!(findings.status("url"), Failure, "{findings:?}");
}
