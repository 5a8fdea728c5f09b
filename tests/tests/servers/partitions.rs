//! Servers that are cut off from each other, but not from clients.

use std::time::Duration;

use token_tests::servers::{Cluster, Sentinel, Server};

async fn role(server: &Server) -> String {
    let info: String = server.command(&["INFO", "replication"]).await;
    info.lines().find_map(|line| line.strip_prefix("role:")).unwrap().to_owned()
}

#[tokio::test]
async fn a_cut_off_primary_is_replaced_while_clients_still_reach_it() {
    let all = Sentinel::start_behind_proxies().await;
    let old = all.primary().await;
    all.cut_off(old);
    let new = all.wait_for_other_primary_than(old).await;
    assert_eq!(
        [role(old).await, role(new).await],
        ["master", "master"],
        "it does not know of the other primary"
    );
    assert_eq!(old.command::<String>(&["SET", "key", "lost"]).await, "OK");
    all.rejoin(old);
    all.wait_until_all_follow().await;
    assert_eq!(role(old).await, "slave");
    assert_eq!(new.command::<Option<String>>(&["GET", "key"]).await, None);
}

#[tokio::test]
async fn a_primary_of_a_cluster_that_is_cut_off_is_replaced() {
    let cluster = Cluster::start_behind_proxies().await;
    let old = cluster.primaries().await[0];
    let replica = cluster.replica_of(old).await;
    cluster.cut_off(old);
    cluster.wait_until_promoted_apart(replica).await;
    cluster.rejoin(old);
    cluster.wait_until_well().await;
    assert_eq!([role(old).await, role(replica).await], ["slave", "master"]);
}

/// The replica has the data that the primary sent long enough ago.
#[tokio::test]
async fn a_delay_between_servers_delays_the_data_of_replicas() {
    let all = Sentinel::start_behind_proxies().await;
    let primary = all.primary().await;
    all.delay(Duration::from_secs(2));
    primary.command::<()>(&["SET", "key", "value"]).await;
    let replica = all.servers().iter().find(|server| server.port() != primary.port()).unwrap();
    assert_eq!(replica.command::<Option<String>>(&["GET", "key"]).await, None);
    replica.wait_until_in_step_with(primary).await;
    assert_eq!(replica.command::<String>(&["GET", "key"]).await, "value");
}
