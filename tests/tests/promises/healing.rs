//! The store recovers from killed, hung and demoted primaries, and follows slots that are moved.

use token_core::spi::TokenStore;
use token_core::{Issued, Lifetime, Requirement, Revocation, RevokeOutcome};
use token_redis::Options;
use token_tests::servers::{Cluster, Proxy, Replicated, Sentinel, Server};

use crate::kit::{
    Deployment, Tokens, hasty_tokens_at, issue, log, span, tokens_with, until, until_it_answers,
};

/// A live and a revoked token, both confirmed.
struct Pair {
    live: Issued,
    revoked: Issued,
}

impl Pair {
    async fn of(tokens: &Tokens, user: &str) -> Self {
        let live = issue(tokens, user, Lifetime::sliding(span("10m"))).await;
        let revoked = issue(tokens, user, Lifetime::sliding(span("10m"))).await;
        assert!(live.confirmation.is_confirmed());
        let done = tokens.store().revoke(revoked.grant.id, &Revocation::default()).await.unwrap();
        assert!(done.confirmation.is_confirmed());
        Self { live, revoked }
    }

    /// Asserts that both have the same answers as before, and that the store accepts changes again.
    async fn is_as_it_was(&self, tokens: &Tokens) {
        let live = until_it_answers(tokens, self.live.token.expose_secret()).await;
        assert!(live.grant().is_some(), "{live:?}");
        let revoked = until_it_answers(tokens, self.revoked.token.expose_secret()).await;
        assert!(revoked.grant().is_none(), "{revoked:?}");
        let mut tries = 0;
        let again = loop {
            match tokens.store().revoke(self.revoked.grant.id, &Revocation::default()).await {
                Ok(again) => break again,
                Err(error) => {
                    tries += 1;
                    assert!(error.is_retryable() && tries < 10, "{error:?}");
                }
            }
        };
        assert_eq!(again.outcome, RevokeOutcome::AlreadyRevoked);
    }
}

#[tokio::test]
async fn a_killed_primary_of_sentinels_is_replaced() {
    let sentinel = Sentinel::start().await;
    let tokens = hasty_tokens_at(&sentinel.url()).await;
    let pair = Pair::of(&tokens, "admin").await;
    sentinel.kill_primary().await;
    pair.is_as_it_was(&tokens).await;
    until_replaced(&tokens).await;
}

#[tokio::test]
async fn a_hung_primary_of_sentinels_is_replaced() {
    let sentinel = Sentinel::start().await;
    let tokens = hasty_tokens_at(&sentinel.url()).await;
    let pair = Pair::of(&tokens, "admin").await;
    sentinel.pause_primary().await;
    pair.is_as_it_was(&tokens).await;
    until_replaced(&tokens).await;
}

/// Another primary may answer a call before the connection to the old one is dropped.
async fn until_replaced(tokens: &Tokens) {
    until(async || tokens.store().connection_swaps() > 0).await;
}

/// The primary of the pair's slot.
async fn home<'a>(cluster: &'a Cluster, pair: &Pair) -> &'a Server {
    let slot = cluster.slot_of(&format!("{{{}}}", pair.live.grant.id.partition())).await;
    cluster.owner_of(slot).await
}

#[tokio::test]
async fn a_killed_primary_of_a_cluster_is_replaced() {
    let cluster = Cluster::start().await;
    let tokens = hasty_tokens_at(&cluster.url()).await;
    let pair = Pair::of(&tokens, "admin").await;
    cluster.kill_primary(home(&cluster, &pair).await).await;
    pair.is_as_it_was(&tokens).await;
}

/// Its connection stays open and silent: the store drops it once the cluster names another primary.
#[tokio::test]
async fn a_hung_primary_of_a_cluster_is_replaced() {
    let log = log();
    let cluster = Cluster::start().await;
    let tokens = hasty_tokens_at(&cluster.url()).await;
    let pair = Pair::of(&tokens, "admin").await;
    cluster.pause_primary(home(&cluster, &pair).await).await;
    pair.is_as_it_was(&tokens).await;
    until_replaced(&tokens).await;
    let first = cluster.nodes()[0].port().to_string();
    let told = log.lines_with("replaced the connection that validations share");
    assert!(told.iter().any(|line| line.contains("WARN") && line.contains(&first)), "{told:?}");
}

#[tokio::test]
async fn a_token_works_throughout_a_slot_move_and_is_revocable_after() {
    let cluster = Cluster::start().await;
    let tokens = hasty_tokens_at(&cluster.url()).await;
    let pair = Pair::of(&tokens, "admin").await;
    let text = pair.live.token.expose_secret();
    let slot = cluster.slot_of(&format!("{{{}}}", pair.live.grant.id.partition())).await;
    let from = cluster.owner_of(slot).await.port();
    let to = cluster.primaries().await.into_iter().find(|server| server.port() != from).unwrap();

    let mut step = cluster.begin_move(slot, to).await;
    loop {
        let verdict = tokens.validate(text, &Requirement::any()).await.unwrap();
        assert!(verdict.grant().is_some(), "{verdict:?}");
        if step.move_keys(1).await == 0 {
            break;
        }
    }
    step.finish().await;
    pair.is_as_it_was(&tokens).await;
    let revoked = tokens.store().revoke(pair.live.grant.id, &Revocation::default()).await.unwrap();
    assert_eq!(revoked.outcome, RevokeOutcome::Revoked);
    assert!(until_it_answers(&tokens, text).await.grant().is_none());
}

/// The servers close the connections without notice.
async fn cut_connections_are_not_noticed(deployment: &Deployment) {
    let tokens = hasty_tokens_at(&deployment.url()).await;
    let issued = issue(&tokens, "admin", Lifetime::sliding(span("10m"))).await;
    for _ in 0..10 {
        deployment.each::<i64>(&["CLIENT", "KILL", "TYPE", "normal"]).await;
        let verdict = tokens.validate(issued.token.expose_secret(), &Requirement::any()).await.unwrap();
        assert!(verdict.grant().is_some(), "{verdict:?}");
        deployment.each::<i64>(&["CLIENT", "KILL", "TYPE", "normal"]).await;
        issue(&tokens, "admin", Lifetime::sliding(span("10m"))).await;
    }
}

#[tokio::test]
async fn connections_that_are_all_cut_are_not_noticed_on_a_server() {
    cut_connections_are_not_noticed(&Deployment::standalone().await).await;
}

#[tokio::test]
async fn connections_that_are_all_cut_are_not_noticed_on_a_cluster() {
    cut_connections_are_not_noticed(&Deployment::cluster().await).await;
}

/// Behind a proxy or a name that changes its target after a failover, old connections still lead to the old primary, which
/// answers and accepts no writes.
#[tokio::test]
async fn the_store_leaves_a_demoted_primary_that_keeps_its_clients() {
    let servers = Replicated::start(1).await;
    let (old, new) = (servers.primary(), &servers.replicas()[0]);
    let address = Proxy::to(old.port()).await;
    let mut options = Options::default();
    options.pool_size = 4;
    let tokens = tokens_with(&format!("redis://127.0.0.1:{}", address.port()), options).await;
    let issued = issue(&tokens, "admin", Lifetime::sliding(span("10m"))).await;
    // Open several connections in the pool.
    let another = || issue(&tokens, "admin", Lifetime::sliding(span("10m")));
    tokio::join!(another(), another(), another(), another());
    servers.wait_until_in_step().await;

    new.command::<()>(&["REPLICAOF", "NO", "ONE"]).await;
    old.replicate(new).await;
    address.lead_to(new.port());
    for _ in 0..6 {
        issue(&tokens, "admin", Lifetime::sliding(span("10m"))).await;
        let verdict = tokens.validate(issued.token.expose_secret(), &Requirement::any()).await.unwrap();
        assert!(verdict.grant().is_some(), "{verdict:?}");
    }
}

/// The nodes accept connections, and send nothing.
#[tokio::test]
async fn hung_nodes_first_in_the_url_do_not_hide_a_live_cluster() {
    let cluster = Cluster::start().await;
    let silent: Vec<_> = (0..12).map(|_| std::net::TcpListener::bind("127.0.0.1:0").unwrap()).collect();
    let mut nodes: Vec<String> = silent.iter().map(|one| one.local_addr().unwrap().to_string()).collect();
    nodes.push(format!("127.0.0.1:{}", cluster.nodes()[0].port()));
    let url = format!("redis-cluster://{}", nodes.join("&node=").replacen("&node=", "?node=", 1));
    let tokens = hasty_tokens_at(&url).await;
    let issued = issue(&tokens, "admin", Lifetime::sliding(span("10m"))).await;
    assert!(until_it_answers(&tokens, issued.token.expose_secret()).await.grant().is_some());
}
