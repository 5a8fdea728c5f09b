//! A cluster of six servers, and its faults.

use redis::{RedisResult, cmd};
use token_tests::servers::{Cluster, Server, Takeover};

#[tokio::test]
async fn a_cluster_of_three_primaries_with_replicas_takes_every_key() {
    let cluster = Cluster::start().await;
    assert_eq!(cluster.nodes().len(), 6);
    assert_eq!(cluster.primaries().await.len(), 3);
    for node in cluster.nodes() {
        let info: String = node.command(&["CLUSTER", "INFO"]).await;
        assert!(
            info.contains("cluster_state:ok\r\ncluster_slots_assigned:16384\r\ncluster_slots_ok:16384"),
            "{info}"
        );
    }

    let url = cluster.url();
    let nodes = url.strip_prefix("redis-cluster://").unwrap().replace("?node=", "&node=");
    let nodes: Vec<String> = nodes.split("&node=").map(|node| format!("redis://{node}")).collect();
    assert_eq!(nodes, cluster.nodes().iter().map(|node| node.url()).collect::<Vec<_>>());
    let client = redis::cluster::ClusterClient::new(nodes).unwrap();
    let mut connection = client.get_async_connection().await.unwrap();
    for key in 0..100 {
        let () = redis::cmd("SET").arg(key).arg("value").query_async(&mut connection).await.unwrap();
    }
}

/// The server that answers a new client for this key.
async fn set(cluster: &Cluster, key: &str) {
    cmd("SET").arg(key).arg("value").exec_async(&mut cluster.connection().await).await.unwrap();
}

async fn role(server: &Server) -> String {
    let info: String = server.command(&["INFO", "replication"]).await;
    info.lines().find_map(|line| line.strip_prefix("role:")).unwrap().to_owned()
}

#[tokio::test]
async fn a_killed_primary_is_replaced_and_comes_back_as_a_replica() {
    let cluster = Cluster::start().await;
    let slot = cluster.slot_of("key").await;
    let old = cluster.owner_of(slot).await;
    let promoted = cluster.kill_primary(old).await;
    assert_eq!(cluster.owner_of(slot).await.port(), promoted.port());
    set(&cluster, "key").await;

    old.restart().await;
    cluster.wait_until_well().await;
    assert_eq!(role(old).await, "slave");
    assert_eq!(cluster.replica_of(promoted).await.port(), old.port());
    old.wait_until_in_step_with(promoted).await;
    assert_eq!(old.command::<u64>(&["DBSIZE"]).await, 1);
}

#[tokio::test]
async fn a_paused_primary_is_replaced_and_resumes_as_a_replica() {
    let cluster = Cluster::start().await;
    let slot = cluster.slot_of("key").await;
    let old = cluster.owner_of(slot).await;
    let promoted = cluster.pause_primary(old).await;
    assert_eq!(cluster.primaries().await.len(), 3);
    assert_eq!(cluster.owner_of(slot).await.port(), promoted.port());
    old.resume();
    cluster.wait_until_well().await;
    assert_eq!(role(old).await, "slave");
}

#[tokio::test]
async fn a_replica_takes_over_on_command() {
    let cluster = Cluster::start().await;
    for how in [Takeover::Agreed, Takeover::Force, Takeover::Takeover] {
        let old = cluster.owner_of(0).await;
        let replica = cluster.replica_of(old).await;
        cluster.fail_over(replica, how).await;
        assert_eq!(cluster.owner_of(0).await.port(), replica.port(), "{how:?}");
        assert_eq!(role(old).await, "slave", "{how:?}");
    }
}

#[tokio::test]
async fn a_slot_can_be_kept_half_moved_between_two_primaries() {
    let cluster = Cluster::start().await;
    let slot = cluster.slot_of("{tag}").await;
    for key in 0..10 {
        set(&cluster, &format!("{{tag}}{key}")).await;
    }
    let from = cluster.owner_of(slot).await;
    let to = *cluster.primaries().await.iter().find(|node| node.port() != from.port()).unwrap();
    let mut half = cluster.begin_move(slot, to).await;
    assert_eq!(half.slot(), slot);
    assert_eq!(half.move_keys(4).await, 4);
    let count = ["CLUSTER", "COUNTKEYSINSLOT", &slot.to_string()];
    assert_eq!((from.command::<u64>(&count).await, to.command::<u64>(&count).await), (6, 4));
    let absent: RedisResult<()> = cmd("GET").arg("{tag}no").query_async(&mut from.connection().await).await;
    assert_eq!(absent.unwrap_err().code(), Some("ASK"));

    half.finish().await;
    cluster.wait_until_well().await;
    assert_eq!((from.command::<u64>(&count).await, to.command::<u64>(&count).await), (0, 10));
    assert_eq!(cluster.owner_of(slot).await.port(), to.port());
}

#[tokio::test]
async fn a_node_joins_gets_slots_returns_them_and_leaves() {
    let mut cluster = Cluster::start().await;
    for key in 0..100 {
        set(&cluster, &format!("{key}")).await;
    }
    let port = cluster.add_node().await;
    let (added, old) = (cluster.node(port), cluster.owner_of(0).await);
    assert_eq!(cluster.primaries().await.len(), 4);
    assert!(cluster.slots_of(added).await.is_empty());
    let moved = cluster.move_slots(300, old, added).await;
    assert_eq!(cluster.slots_of(added).await, moved);
    cluster.move_slots(299, added, old).await;
    cluster.move_slot(moved[299], old).await;

    cluster.remove_node(port).await;
    assert_eq!(cluster.nodes().len(), 6);
    let mut keys = 0;
    for primary in cluster.primaries().await {
        keys += primary.command::<u64>(&["DBSIZE"]).await;
    }
    assert_eq!(keys, 100);
}
