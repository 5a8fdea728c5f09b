//! A primary with two replicas, and three Sentinels that monitor them.

use token_tests::servers::{Sentinel, Server};

async fn announced(sentinel: &Server) -> u16 {
    let [_, port]: [String; 2] = sentinel.command(&["SENTINEL", "GET-MASTER-ADDR-BY-NAME", "tokens"]).await;
    port.parse().unwrap()
}

#[tokio::test]
async fn three_sentinels_know_the_primary_and_each_other() {
    let all = Sentinel::start().await;
    let hosts: Vec<_> = all.sentinels().iter().map(|one| format!("127.0.0.1:{}", one.port())).collect();
    let [first, second, third] = hosts.try_into().unwrap();
    let url = format!("redis-sentinel://{first},{second},{third}/0?sentinelServiceName=tokens");
    assert_eq!(all.url(), url);
    let primary = all.primary().await;
    for sentinel in all.sentinels() {
        assert_eq!(announced(sentinel).await, primary.port());
        let others: Vec<redis::Value> = sentinel.command(&["SENTINEL", "SENTINELS", "tokens"]).await;
        assert_eq!(others.len(), 2);
    }
    let info: String = primary.command(&["INFO", "replication"]).await;
    assert!(info.contains("connected_slaves:2"), "{info}");
}

#[tokio::test]
async fn a_replica_becomes_the_primary_when_that_is_killed() {
    let all = Sentinel::start().await;
    let old = all.primary().await;
    old.command::<()>(&["SET", "key", "value"]).await;
    for replica in all.servers().iter().filter(|server| server.port() != old.port()) {
        replica.wait_until_in_step_with(old).await;
    }
    let new = all.kill_primary().await;
    assert_ne!(new.port(), old.port());
    assert_eq!(new.command::<String>(&["GET", "key"]).await, "value");
    assert_eq!(new.command::<String>(&["SET", "key", "other"]).await, "OK");
    all.wait_until_all_follow().await;
    assert_eq!(all.primary().await.port(), new.port());
}

#[tokio::test]
async fn a_paused_primary_is_a_replica_after_it_is_resumed() {
    let all = Sentinel::start().await;
    let old = all.primary().await;
    let new = all.pause_primary().await;
    assert_ne!(new.port(), old.port());
    old.resume();
    all.wait_until_all_follow().await;
    let info: String = old.command(&["INFO", "replication"]).await;
    assert!(info.contains("role:slave"), "{info}");
}

#[tokio::test]
async fn a_killed_sentinel_remembers_the_others_after_its_restart() {
    let all = Sentinel::start().await;
    let sentinel = &all.sentinels()[0];
    let id: String = sentinel.command(&["SENTINEL", "MYID"]).await;
    sentinel.kill();
    let primary = all.primary().await;
    sentinel.restart().await;
    assert_eq!(sentinel.command::<String>(&["SENTINEL", "MYID"]).await, id);
    assert_eq!(announced(sentinel).await, primary.port());
    let others: Vec<redis::Value> = sentinel.command(&["SENTINEL", "SENTINELS", "tokens"]).await;
    assert_eq!(others.len(), 2);
}
