//! A primary with replicas, without Sentinels.

use token_tests::servers::{Replicated, Server};

/// How many replicas acknowledge the write of a connection in time.
async fn write_and_wait(primary: &Server, replicas: usize, millis: u64) -> usize {
    let mut connection = primary.connection().await;
    let mut both = redis::pipe();
    both.cmd("INCR").arg("key").ignore().cmd("WAIT").arg(replicas).arg(millis);
    let [count] = both.query_async(&mut connection).await.unwrap();
    count
}

#[tokio::test]
async fn every_replica_acknowledges_a_write() {
    let servers = Replicated::start(2).await;
    assert_eq!(servers.url(), servers.primary().url());
    assert_eq!(servers.replicas().len(), 2);
    assert_eq!(write_and_wait(servers.primary(), 2, 8000).await, 2);
}

#[tokio::test]
async fn a_primary_may_have_no_replica() {
    let servers = Replicated::start(0).await;
    assert_eq!(write_and_wait(servers.primary(), 1, 50).await, 0);
}

#[tokio::test]
async fn a_paused_replica_acknowledges_nothing_until_it_is_resumed() {
    let servers = Replicated::start(2).await;
    servers.replicas()[0].pause();
    assert_eq!(write_and_wait(servers.primary(), 1, 8000).await, 1);
    assert_eq!(write_and_wait(servers.primary(), 2, 300).await, 1, "the other replica still works");
    servers.replicas()[0].resume();
    assert_eq!(write_and_wait(servers.primary(), 2, 8000).await, 2);
}

#[tokio::test]
async fn a_replica_acknowledges_nothing_while_its_link_is_stalled() {
    let servers = Replicated::start(1).await;
    servers.link(0).stall();
    assert_eq!(write_and_wait(servers.primary(), 1, 300).await, 0);
    let info: String = servers.primary().command(&["INFO", "replication"]).await;
    assert!(info.contains("connected_slaves:1"), "{info}");
    servers.link(0).heal().await;
    assert_eq!(write_and_wait(servers.primary(), 1, 8000).await, 1);
}

#[tokio::test]
async fn a_replica_behind_a_cut_link_is_lost_until_it_is_healed() {
    let servers = Replicated::start(1).await;
    servers.link(0).cut().await;
    assert_eq!(write_and_wait(servers.primary(), 1, 300).await, 0);
    servers.link(0).heal().await;
    servers.wait_until_in_step().await;
    assert_eq!(servers.replicas()[0].command::<u64>(&["GET", "key"]).await, 1);
    assert_eq!(write_and_wait(servers.primary(), 1, 8000).await, 1);
}

#[tokio::test]
async fn a_killed_replica_is_in_sync_again_after_its_restart() {
    let servers = Replicated::start(1).await;
    let replica = &servers.replicas()[0];
    replica.kill();
    servers.primary().command::<()>(&["SET", "key", "value"]).await;
    replica.restart().await;
    servers.wait_until_in_step().await;
    assert_eq!(replica.command::<String>(&["GET", "key"]).await, "value");
}
