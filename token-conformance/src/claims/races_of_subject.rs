//! Concurrent changes to one subject: listings, sweeps and new tokens meet, and no token is lost or survives.

use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use token_core::{IssueRequest, ParsedToken, StoreErrorKind, TokenId, TokenStatus};
use tokio::task::yield_now;

use super::child::request_by;
use super::races::{Store, TASKS, together, verdict};
use super::steps::*;
use crate::Fixture;

/// The changes made by the tasks of the race below.
#[derive(Default)]
struct Ledger {
    issued: Mutex<Vec<(ParsedToken, TokenId)>>,
    revoked: Mutex<Vec<TokenId>>,
}

impl Ledger {
    async fn issue(&self, store: &Store, token: ParsedToken, asked: &IssueRequest) {
        let _ = insist(|| store.issue(token.id(), asked)).await;
        self.issued.lock().unwrap().push((token, token.id()));
    }

    async fn revoke_all(&self, store: &Store, asked: &IssueRequest) {
        let revocation = revocation("root", "left");
        let ids = insist(|| store.revoke_subject(&asked.subject, &revocation)).await;
        self.revoked.lock().unwrap().extend(ids.outcome);
    }

    async fn list(&self, store: &Store, asked: &IssueRequest) {
        let gone: HashSet<TokenId> = self.revoked.lock().unwrap().iter().copied().collect();
        let grants = insist(|| store.list(&asked.subject)).await.grants;
        assert!(grants.iter().all(|grant| !gone.contains(&grant.id)), "a revoked token is listed");
        assert!(grants.is_sorted_by_key(|grant| (grant.issued_at, grant.id)));
    }
}

pub(super) async fn concurrent_changes_to_one_subject_end_consistently(fixture: &dyn Fixture) {
    let asked = request("admin", sliding("1h"));
    let ledger = Arc::new(Ledger::default());
    let before = issue_many(fixture, &asked, 5).await;
    let tokens: Arc<Vec<_>> = Arc::new((0..TASKS * 4).map(|_| new_token(fixture, &asked.subject)).collect());
    let task = |store: Store, number: usize| {
        let (ledger, asked, tokens) = (Arc::clone(&ledger), asked.clone(), Arc::clone(&tokens));
        async move {
            for token in tokens.iter().skip(number).step_by(TASKS) {
                match number % 8 {
                    0 => ledger.revoke_all(&store, &asked).await,
                    1 | 2 => ledger.list(&store, &asked).await,
                    _ => ledger.issue(&store, *token, &asked).await,
                }
                yield_now().await;
            }
        }
    };
    together(fixture, TASKS, task).await;

    let issued = std::mem::take(&mut *ledger.issued.lock().unwrap());
    let revoked = std::mem::take(&mut *ledger.revoked.lock().unwrap());
    let ended: HashSet<TokenId> = revoked.iter().copied().collect();
    assert_eq!(ended.len(), revoked.len(), "each token is revoked once");
    assert!(before.iter().all(|held| ended.contains(&held.id())), "what was there before is revoked");
    let live = issued.iter().map(|&(_, id)| id).filter(|id| !ended.contains(id));
    assert_eq!(sorted(listed(fixture, &asked.subject).await), sorted(live));
    for (token, id) in issued {
        assert_eq!(admits(fixture, token).await, !ended.contains(&id));
        let token_status = fixture.store().show(id).await.unwrap();
        assert_eq!(matches!(token_status, TokenStatus::Revoked(_)), ended.contains(&id), "{token_status:?}");
    }
}

/// A subject that gets each new token before its old one is revoked has one or two tokens at every moment.
pub(super) async fn a_listing_shows_one_moment(fixture: &dyn Fixture) {
    const ROTATIONS: usize = 200;
    let asked = request("admin", sliding("1h"));
    let mut tokens = vec![issue(fixture, &asked).await.id()];
    tokens.extend((0..ROTATIONS).map(|_| new_token(fixture, &asked.subject).id()));
    let (tokens, done) = (Arc::new(tokens), Arc::new(AtomicBool::new(false)));
    let task = |store: Store, number: usize| {
        let (tokens, done, asked) = (Arc::clone(&tokens), Arc::clone(&done), asked.clone());
        async move {
            if number == 0 {
                for (old, new) in tokens.iter().zip(tokens.iter().skip(1)) {
                    let _ = insist(|| store.issue(*new, &asked)).await;
                    let _ = store.revoke(*old, &revocation("root", "rotated")).await.unwrap();
                    yield_now().await;
                }
                done.store(true, Ordering::SeqCst);
            }
            while !done.load(Ordering::SeqCst) {
                let grants = insist(|| store.list(&asked.subject)).await.grants;
                assert!((1..=2).contains(&grants.len()), "{} tokens are listed", grants.len());
                yield_now().await;
            }
        }
    };
    together(fixture, 4, task).await;
}

pub(super) async fn pruning_beside_other_work_loses_no_token(fixture: &dyn Fixture) {
    let asked = request("admin", sliding("1h"));
    let tokens: Arc<Vec<_>> = Arc::new((0..TASKS).map(|_| new_token(fixture, &asked.subject)).collect());
    let task = |store: Store, number: usize| {
        let (tokens, asked) = (Arc::clone(&tokens), asked.clone());
        async move {
            if number.is_multiple_of(4) {
                store.prune().await.unwrap();
                return None;
            }
            let token = *tokens.get(number).unwrap();
            let _ = insist(|| store.issue(token.id(), &asked)).await;
            active(verdict(&store, token).await);
            Some(token)
        }
    };
    let issued: Vec<_> = together(fixture, TASKS, task).await.into_iter().flatten().collect();
    for &token in &issued {
        assert!(admits(fixture, token).await);
    }
    assert_eq!(
        sorted(listed(fixture, &asked.subject).await),
        sorted(issued.into_iter().map(ParsedToken::id))
    );
}

/// A few tasks issue repeatedly until they are refused, so that the revocation happens between two issues.
pub(super) async fn no_child_survives_the_revocation_of_all_tokens(fixture: &dyn Fixture) {
    const ISSUERS: usize = 4;
    for _ in 0..5 {
        let parent = issue(fixture, &request("admin", hard("1h"))).await;
        let (asked, owner) = (request_by(&parent, hard("1h")), parent.grant.subject.clone());
        let tokens: Vec<_> = (0..ISSUERS * 50).map(|_| new_token(fixture, &owner)).collect();
        let tokens = Arc::new(tokens);
        let refused = together(fixture, ISSUERS + 1, |store, number| {
            let (asked, tokens) = (asked.clone(), Arc::clone(&tokens));
            async move {
                let Some(tokens) = tokens.chunks(50).nth(number) else {
                    let all = revocation("root", "left");
                    let _ = insist(|| store.revoke_subject(&asked.subject, &all)).await;
                    return None;
                };
                for token in tokens {
                    if let Err(error) = store.issue(token.id(), &asked).await {
                        return Some(error.kind());
                    }
                }
                None
            }
        });
        let refused: Vec<_> = refused.await.into_iter().flatten().collect();
        assert!(refused.iter().all(|kind| *kind == StoreErrorKind::ParentGone), "{refused:?}");
        assert!(list(fixture, &owner).await.is_empty());
    }
}
