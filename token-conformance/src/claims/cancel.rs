//! Cancelled calls: the change is made completely or not at all, and the next caller gets its own answer.

use std::future::poll_fn;
use std::pin::pin;
use std::task::Poll;

use token_core::TokenStatus;

use super::steps::*;
use crate::Fixture;

/// More polls than any store needs to finish a call.
const MOST_POLLS: usize = 12;

/// Polls the call this many times, and then drops it.
async fn give_up_after<T>(polls: usize, call: impl Future<Output = T>) {
    let (mut call, mut left) = (pin!(call), polls);
    poll_fn(|context| {
        if left == 0 {
            return Poll::Ready(());
        }
        left -= 1;
        call.as_mut().poll(context).map(drop)
    })
    .await;
}

pub(super) async fn a_dropped_revocation_of_all_is_made_completely_or_not_at_all(fixture: &dyn Fixture) {
    for polls in 0..MOST_POLLS {
        let asked = request(&format!("user {polls}"), sliding("1h"));
        let held = issue_many(fixture, &asked, 10).await;
        let store = fixture.store();
        give_up_after(polls, store.revoke_subject(&asked.subject, &revocation("root", "dropped"))).await;

        // The change may still be under way: then it becomes visible completely.
        let listed = sorted(listed(fixture, &asked.subject).await);
        assert!(listed.is_empty() || listed == ids(&held), "{} of {}", listed.len(), held.len());
        let ended =
            store.revoke_subject(&asked.subject, &revocation("root", "finished")).await.unwrap().outcome;
        assert!(ended.is_empty() || sorted(ended) == ids(&held));
        for held in &held {
            assert_refused(fixture, held).await;
            assert!(matches!(show(fixture, held).await, TokenStatus::Revoked(_)));
        }
    }
}

pub(super) async fn a_dropped_issue_is_made_completely_or_not_at_all(fixture: &dyn Fixture) {
    for polls in 0..MOST_POLLS {
        let asked = request(&format!("user {polls}"), sliding("1h"));
        let token = new_token(fixture, &asked.subject);
        let store = fixture.store();
        give_up_after(polls, store.issue(token.id(), &asked)).await;

        // The issue may complete between any two of these queries, and then remains visible.
        let listed_before = !list(fixture, &asked.subject).await.is_empty();
        let shown = matches!(store.show(token.id()).await.unwrap(), TokenStatus::Live(_));
        let admitted = admits(fixture, token).await;
        let listed_after = !list(fixture, &asked.subject).await.is_empty();
        let seen = [listed_before, shown, admitted, listed_after];
        assert!(seen.is_sorted(), "a visible token must remain visible: {seen:?}");
    }
}

pub(super) async fn the_answer_to_a_dropped_call_goes_to_no_other_call(fixture: &dyn Fixture) {
    let others = issue_many(fixture, &request("somebody", sliding("1h")), 3).await;
    let held = issue(fixture, &request("admin", sliding("1h"))).await;
    let store = fixture.store();
    for polls in 1..MOST_POLLS {
        give_up_after(polls, store.list(&subject("somebody"))).await;
        assert_eq!(listed(fixture, &subject("admin")).await, [held.id()]);
        for other in &others {
            give_up_after(polls, store.show(other.id())).await;
            assert_same_facts(&show_live(fixture, &held).await, &held.grant);
            give_up_after(polls, present(fixture, other, &token_core::Requirement::any())).await;
            assert_same_facts(&present_live(fixture, &held).await, &held.grant);
        }
    }
}
