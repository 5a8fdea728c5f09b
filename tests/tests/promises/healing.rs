//! What fails is found again: killed, hung and demoted primaries, and slots on the move.

use token_core::{Demand, Issued, Lifetime, Revocation, RevokeOutcome, TokenStore};
use token_tests::servers::{Cluster, Sentinel, Server};

use crate::kit::{Tokens, hasty_tokens_at, issue, span, until_it_answers};

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

    /// Both are answered for as before, and the store takes changes again.
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
    assert!(tokens.store().connection_swaps() > 0);
}

#[tokio::test]
async fn a_hung_primary_of_sentinels_is_replaced() {
    let sentinel = Sentinel::start().await;
    let tokens = hasty_tokens_at(&sentinel.url()).await;
    let pair = Pair::of(&tokens, "admin").await;
    sentinel.pause_primary().await;
    pair.is_as_it_was(&tokens).await;
    assert!(tokens.store().connection_swaps() > 0);
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

/// The cluster client goes on asking the hung node for ever: the watchdog replaces it.
#[tokio::test]
async fn a_hung_primary_of_a_cluster_is_replaced() {
    let cluster = Cluster::start().await;
    let tokens = hasty_tokens_at(&cluster.url()).await;
    let pair = Pair::of(&tokens, "admin").await;
    cluster.pause_primary(home(&cluster, &pair).await).await;
    pair.is_as_it_was(&tokens).await;
    assert!(tokens.store().connection_swaps() > 0, "the watchdog did it");
}

#[tokio::test]
async fn a_token_is_validated_at_every_step_of_a_slot_on_the_move_and_revoked_after_it() {
    let cluster = Cluster::start().await;
    let tokens = hasty_tokens_at(&cluster.url()).await;
    let pair = Pair::of(&tokens, "admin").await;
    let text = pair.live.token.expose_secret();
    let slot = cluster.slot_of(&format!("{{{}}}", pair.live.grant.id.partition())).await;
    let from = cluster.owner_of(slot).await.port();
    let to = cluster.primaries().await.into_iter().find(|server| server.port() != from).unwrap();

    let mut step = cluster.begin_move(slot, to).await;
    loop {
        let verdict = tokens.validate(text, &Demand::any()).await.unwrap();
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
