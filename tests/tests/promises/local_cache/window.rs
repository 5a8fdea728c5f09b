//! The lifetime of sliding tokens on nodes whose cache answers without renewing.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use proptest::prelude::*;
use redis::aio::MultiplexedConnection;
use token_core::{Issued, Lifetime, Requirement, Span};
use token_redis::LocalCache;
use token_tests::servers::Standalone;

use super::kit::caching_with;
use crate::kit::{Tokens, issue, record_key, tokens_at};

/// A time by the server's clock, in milliseconds.
async fn now(server: &mut MultiplexedConnection) -> u64 {
    let (seconds, micros): (u64, u64) = redis::cmd("TIME").query_async(server).await.unwrap();
    seconds * 1000 + micros / 1000
}

async fn dies_at(server: &mut MultiplexedConnection, issued: &Issued) -> Option<u64> {
    let at: i64 =
        redis::cmd("PEXPIRETIME").arg(record_key(issued.grant.id)).query_async(server).await.unwrap();
    assert_ne!(at, -1, "every token has a TTL");
    u64::try_from(at).ok()
}

/// A node, and the maximum age of its cache.
struct Node {
    tokens: Tokens,
    age: u64,
    /// How many uses this node has admitted.
    admitted: AtomicUsize,
}

impl Node {
    fn new(tokens: Tokens, age: u64) -> Self {
        Self { tokens, age, admitted: AtomicUsize::new(0) }
    }
}

async fn nodes(url: &str, ages: &[u64]) -> Vec<Node> {
    let mut nodes = vec![Node::new(tokens_at(url).await, 0)];
    for &age in ages {
        let settings = LocalCache::default().max_age(Duration::from_millis(age));
        nodes.push(Node::new(caching_with(url, settings).await, age));
    }
    nodes
}

/// After each use, on any node, cached or not, the token lives at least for its window, at most for its window and the longest
/// cache age of a node, and never past its cap.
async fn check(nodes: &[Node], server: &Standalone, window: u64, cap: Option<u64>, steps: &[(usize, u64)]) {
    let millis = |time| Span::from_millis(time).unwrap();
    let lifetime = match cap {
        Some(cap) => Lifetime::capped(millis(window), millis(window.max(cap))).unwrap(),
        None => Lifetime::sliding(millis(window)),
    };
    let longest = nodes.iter().map(|node| node.age).max().unwrap();
    let issued = issue(&nodes[0].tokens, "ada", lifetime).await;
    let cap = issued.grant.deadlines.cap().map_or(u64::MAX, |cap| cap.as_millis());
    let mut server = server.connection().await;
    // Nothing makes a token expire earlier.
    let mut lives_until = issued.grant.expires_at.as_millis();
    for &(node, pause) in steps {
        tokio::time::sleep(Duration::from_millis(pause)).await;
        let began = now(&mut server).await;
        let used =
            nodes[node].tokens.validate(issued.token.expose_secret(), &Requirement::any()).await.unwrap();
        let (dies_at, ended) = (dies_at(&mut server, &issued).await, now(&mut server).await);
        match (used.grant(), dies_at) {
            (None, None) => {
                assert!(ended >= lives_until, "a token is gone before its expiry");
                return;
            }
            (Some(_), Some(dies_at)) => {
                nodes[node].admitted.fetch_add(1, Ordering::Relaxed);
                lives_until = dies_at;
                assert!(dies_at >= (began + window).min(cap), "a used token expires early");
                assert!(dies_at <= (ended + window + longest).min(cap), "a token lives too long");
            }
            // It has expired between the use and the query.
            (Some(_), None) => assert!(ended >= (began + window).min(cap), "a used token expired early"),
            // It is refused from the millisecond of its cap on, during which Redis still has its key.
            (None, Some(dies_at)) => {
                assert!(dies_at == cap && dies_at <= ended, "a live token was refused");
                return;
            }
        }
    }
}

#[test]
fn cached_uses_neither_shorten_nor_overextend_a_token() {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let (server, nodes) = runtime.block_on(async {
        let server = Standalone::start().await;
        let nodes = nodes(&server.url(), &[40, 150]).await;
        (server, nodes)
    });
    let steps = prop::collection::vec((0..3_usize, prop_oneof![Just(0_u64), 0..60_u64]), 1..20);
    let config = ProptestConfig { cases: 60, failure_persistence: None, ..ProptestConfig::default() };
    proptest!(config, |(window in 30..400_u64, cap in prop::option::of(30..600_u64), steps in steps)| {
        runtime.block_on(check(&nodes, &server, window, cap, &steps));
    });
    for node in &nodes {
        let admitted = node.admitted.load(Ordering::Relaxed);
        assert!(admitted > 0, "no use was checked at the node with a cache of {} ms", node.age);
    }
}

/// Nodes with different settings: none shortens a TTL that another has set, and a TTL that is too short is corrected.
#[tokio::test]
async fn the_next_use_repairs_a_lifetime_no_node_can_have_set() {
    let server = Standalone::start().await;
    let tokens = tokens_at(&server.url()).await;
    let issued = issue(&tokens, "ada", Lifetime::sliding(Span::from_millis(600_000).unwrap())).await;
    let id = issued.grant.id.to_string();
    let key = format!("tok:{{{}}}:{}", &id[..2], &id[2..]);
    for tampering in [vec!["PERSIST", &key], vec!["PEXPIRE", &key, "99999999999"]] {
        server.command::<()>(&tampering).await;
        assert!(
            tokens
                .validate(issued.token.expose_secret(), &Requirement::any())
                .await
                .unwrap()
                .grant()
                .is_some()
        );
        let left: i64 = server.command(&["PTTL", &key]).await;
        assert!((1..=600_000).contains(&left), "{left}");
    }
}
