//! Concurrent calls: each transition is visible completely or not at all, and every order ends in a consistent state.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use token_core::spi::TokenStore;
use token_core::{
    Mode, Once, ParsedToken, Reason, Requirement, RevokeOutcome, StoreErrorKind, TokenStatus, Verdict,
};
use tokio::sync::Barrier;
use tokio::task::{JoinSet, yield_now};

use super::steps::*;
use crate::Fixture;

pub(super) const TASKS: usize = 64;

pub(super) type Store = Arc<dyn TokenStore>;

/// The stores of the two nodes, in turn.
fn node(fixture: &dyn Fixture, number: usize) -> Store {
    if number.is_multiple_of(2) { fixture.store() } else { fixture.other_node() }
}

/// The results of `count` tasks that start together, each on one of the nodes.
pub(super) async fn together<T: Send + 'static, F: Future<Output = T> + Send + 'static>(
    fixture: &dyn Fixture,
    count: usize,
    task: impl Fn(Store, usize) -> F,
) -> Vec<T> {
    let start = Arc::new(Barrier::new(count));
    let mut tasks = JoinSet::new();
    for number in 0..count {
        let (start, work) = (Arc::clone(&start), task(node(fixture, number), number));
        tasks.spawn(async move {
            start.wait().await;
            work.await
        });
    }
    tasks.join_all().await
}

pub(super) async fn verdict(store: &Store, token: ParsedToken) -> Verdict {
    store.validate(token, &Requirement::any(), Mode::Use).await.unwrap()
}

pub(super) async fn of_many_revocations_at_once_exactly_one_revokes(fixture: &dyn Fixture) {
    let held = issue(fixture, &request("admin", sliding("1h"))).await;
    let id = held.id();
    let outcomes = together(fixture, TASKS, |store, number| async move {
        let revocation = revocation("root", &format!("reason {number}"));
        (store.revoke(id, &revocation).await.unwrap().outcome, revocation)
    });
    let (first, others): (Vec<_>, Vec<_>) =
        outcomes.await.into_iter().partition(|(outcome, _)| *outcome == RevokeOutcome::Revoked);
    let [(_, revocation)] = first.as_slice() else { panic!("one revokes, not {first:?}") };
    assert!(others.iter().all(|(outcome, _)| *outcome == RevokeOutcome::AlreadyRevoked), "{others:?}");
    let TokenStatus::Revoked(tombstone) = show(fixture, &held).await else { panic!("it was revoked") };
    assert_eq!(tombstone.revocation, *revocation);
}

pub(super) async fn of_many_issues_of_one_id_exactly_one_succeeds(fixture: &dyn Fixture) {
    let owner = subject("admin");
    let token = new_token(fixture, &owner);
    let grants = together(fixture, TASKS, |store, number| async move {
        let mut asked = request("admin", sliding("1h"));
        asked.label = Some(format!("label {number}").parse().unwrap());
        match store.issue(token.id(), &asked).await {
            Ok(issued) => Some(issued.outcome),
            Err(error) => {
                assert_eq!(error.kind(), StoreErrorKind::Conflict, "{error}");
                None
            }
        }
    });
    let issued: Vec<_> = grants.await.into_iter().flatten().collect();
    let [grant] = issued.as_slice() else { panic!("one succeeds, not {issued:?}") };
    assert_same_facts(&active(verdict(&fixture.store(), token).await), grant);
    assert_eq!(listed(fixture, &owner).await, [token.id()]);
}

pub(super) async fn of_many_issues_with_one_key_exactly_one_issues(fixture: &dyn Fixture) {
    let owner = subject("admin");
    let tokens: Arc<Vec<_>> = Arc::new((0..TASKS).map(|_| new_token(fixture, &owner)).collect());
    let answers = together(fixture, TASKS, |store, number| {
        let tokens = Arc::clone(&tokens);
        async move {
            let (asked, key) = (request("admin", sliding("1h")), "k".parse().unwrap());
            match store.issue_once(tokens.get(number).unwrap().id(), &asked, &key).await.unwrap() {
                Once::Issued(issued) => (issued.outcome.id, true),
                Once::Repeated(repeated) => (repeated.id, false),
                Once::Mismatched => panic!("the request is the same"),
            }
        }
    });
    let answers = answers.await;
    let id = answers.first().unwrap().0;
    assert!(answers.iter().all(|&(other, _)| other == id), "{answers:?}");
    assert_eq!(answers.iter().filter(|(_, issued)| *issued).count(), 1, "{answers:?}");
    assert_eq!(listed(fixture, &owner).await, [id]);
}

pub(super) async fn no_use_that_begins_after_a_revocation_returned_is_admitted(fixture: &dyn Fixture) {
    for _ in 0..5 {
        let held = issue(fixture, &request("admin", sliding("1h"))).await;
        let (token, id) = (held.token, held.id());
        let revoked = Arc::new(AtomicBool::new(false));
        let admitted = together(fixture, 16, |store, number| {
            let revoked = Arc::clone(&revoked);
            async move {
                if number == 0 {
                    let _ = store.revoke(id, &revocation("root", "lost")).await.unwrap();
                    revoked.store(true, Ordering::SeqCst);
                    return;
                }
                loop {
                    let refused = revoked.load(Ordering::SeqCst);
                    let verdict = verdict(&store, token).await;
                    if refused {
                        return assert_eq!(verdict, Verdict::Inactive(Reason::NoSuchToken));
                    }
                    yield_now().await;
                }
            }
        });
        admitted.await;
        assert_refused(fixture, &held).await;
        // No renewal under way has restored the token.
        assert_eq!(fixture.remaining(id).await, None);
        assert_eq!(fixture.record(id).await, None);
    }
}

pub(super) async fn an_issue_that_races_a_revocation_ends_in_one_state(fixture: &dyn Fixture) {
    for _ in 0..10 {
        let asked = request("admin", sliding("1h"));
        let token = new_token(fixture, &asked.subject);
        let task = |store: Store, number: usize| {
            let asked = asked.clone();
            async move {
                if number == 0 {
                    let _ = store.issue(token.id(), &asked).await.unwrap();
                    return false;
                }
                store.revoke(token.id(), &revocation("root", "lost")).await.unwrap().outcome
                    == RevokeOutcome::Revoked
            }
        };
        let outcomes = together(fixture, 4, task).await;
        let revoked = outcomes.into_iter().filter(|&revoked| revoked).count();
        assert!(revoked <= 1, "{revoked} revocations of one token");
        let live = admits(fixture, token).await;
        assert_eq!(live, revoked == 0);
        assert_eq!(listed(fixture, &asked.subject).await.contains(&token.id()), live);
        let token_status = fixture.store().show(token.id()).await.unwrap();
        assert_eq!(matches!(token_status, TokenStatus::Live(_)), live, "{token_status:?}");
        assert_eq!(matches!(token_status, TokenStatus::Revoked(_)), !live, "{token_status:?}");
    }
}

pub(super) async fn a_store_serves_many_users_at_once(fixture: &dyn Fixture) {
    let users: Vec<_> = (0..TASKS).map(|number| request(&format!("user {number}"), sliding("1h"))).collect();
    let prepared: Vec<_> =
        users.into_iter().map(|asked| (new_token(fixture, &asked.subject), asked)).collect();
    let prepared = Arc::new(prepared);
    let task = |store: Store, number: usize| {
        let prepared = Arc::clone(&prepared);
        async move {
            let (token, asked) = prepared.get(number).unwrap();
            let grant = store.issue(token.id(), asked).await.unwrap().outcome;
            for _ in 0..10 {
                let requirement = Requirement::any().subject(asked.subject.clone());
                let used = store.validate(*token, &requirement, Mode::Use).await.unwrap();
                assert_same_facts(&active(used), &grant);
            }
            let listed = store.list(&asked.subject).await.unwrap().grants;
            assert!(matches!(listed.as_slice(), [only] if only.id == token.id()), "{listed:?}");
            let outcome = store.revoke(token.id(), &revocation("root", "done")).await.unwrap().outcome;
            assert_eq!(outcome, RevokeOutcome::Revoked);
            assert_eq!(verdict(&store, *token).await, Verdict::Inactive(Reason::NoSuchToken));
        }
    };
    together(fixture, TASKS, task).await;
}
