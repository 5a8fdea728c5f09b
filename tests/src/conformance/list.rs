//! Listing: the live tokens of exactly one subject, oldest first.

use token_core::{Grant, Lifetime};

use super::steps::*;
use crate::rig::Rig;

pub(super) async fn a_listing_is_oldest_first_and_has_all_facts(rig: &dyn Rig) {
    let mut held = Vec::new();
    for (lifetime, label) in
        [(hard("24h"), "a"), (sliding("1h"), "b"), (capped("1h", "2h"), "c"), (hard("1h"), "d")]
    {
        let mut asked = restricted("admin", lifetime, &[(1, "r")]);
        asked.label = Some(label.parse().unwrap());
        held.push(issue(rig, &asked).await);
        rig.pass(millis(3).as_duration()).await;
    }
    present_live(rig, held.first().unwrap()).await;

    for store in [rig.store(), rig.other_node()] {
        let grants = store.list(&subject("admin")).await.unwrap().grants;
        assert_eq!(grants.len(), held.len());
        for (grant, held) in grants.iter().zip(&held) {
            assert_same_facts(grant, &held.grant);
            assert_tells_the_deadline(rig, grant).await;
        }
    }
}

pub(super) async fn tokens_of_one_instant_are_listed_by_id(rig: &dyn Rig) {
    let held = issue_many(rig, &request("admin", hard("1h")), 20).await;
    let mut expected: Vec<Grant> = held.into_iter().map(|held| held.grant).collect();
    Grant::sort_oldest_first(&mut expected);
    let expected: Vec<_> = expected.into_iter().map(|grant| grant.id).collect();
    assert_eq!(listed(rig, &subject("admin")).await, expected);
}

pub(super) async fn a_listing_has_the_tokens_of_exactly_one_subject(rig: &dyn Rig) {
    let (owner, neighbour) = neighbours();
    let owned = issue_many(rig, &request(owner.as_str(), hard("1h")), 3).await;
    let others = issue_many(rig, &request(neighbour.as_str(), hard("1h")), 2).await;
    assert_eq!(sorted(listed(rig, &owner).await), ids(&owned));
    assert_eq!(sorted(listed(rig, &neighbour).await), ids(&others));
    assert!(list(rig, &subject("without tokens")).await.is_empty());
}

pub(super) async fn a_listing_has_only_live_tokens(rig: &dyn Rig) {
    let owner = subject("admin");
    let kept = issue(rig, &request("admin", hard("24h"))).await;
    let expired = issue(rig, &request("admin", sliding("1h"))).await;
    let revoked = issue(rig, &request("admin", hard("24h"))).await;
    rig.age(expired.id(), HOUR).await;
    let _ = rig.store().revoke(revoked.id(), &revocation("root", "lost")).await.unwrap();
    for _ in 0..2 {
        assert_eq!(listed(rig, &owner).await, [kept.id()]);
    }
    let new = issue(rig, &request("admin", hard("24h"))).await;
    assert_eq!(sorted(listed(rig, &owner).await), ids(&[kept, new]));
}

/// What a store keeps to find a subject's tokens must live as long as the longest of them.
pub(super) async fn a_short_token_takes_no_long_one_out_of_the_listing(rig: &dyn Rig) {
    let short = Lifetime::hard(millis(20));
    for (number, long) in [hard("1h"), sliding("1h"), capped("30m", "1h")].into_iter().enumerate() {
        let (first, last) = (format!("long first {number}"), format!("long last {number}"));
        let long_first = issue(rig, &request(&first, long)).await;
        issue_briefly(rig, &request(&first, short)).await;
        issue_briefly(rig, &request(&last, short)).await;
        let long_last = issue(rig, &request(&last, long)).await;
        rig.pass(millis(50).as_duration()).await;
        for held in [long_first, long_last] {
            let owner = &held.grant.subject;
            assert_eq!(listed(rig, owner).await, [held.id()]);
            let ended = rig.store().revoke_subject(owner, &revocation("root", "left")).await.unwrap().outcome;
            assert_eq!(ended, [held.id()]);
        }
    }
}

/// A renewal does not touch what a store keeps to find a subject's tokens, so that must not rely on it.
pub(super) async fn a_token_that_outlived_its_first_window_is_still_listed(rig: &dyn Rig) {
    // On a machine that pauses for a whole window the token dies of that: then the same again, with a longer one.
    for window in (8..14).map(|power| millis(1 << power)) {
        let held = issue(rig, &request("admin", Lifetime::sliding(window))).await;
        let long_after = held.grant.issued_at.after(2 * window.as_duration());
        while admits(rig, held.token).await && rig.now().await < long_after {
            rig.pass(window.as_duration() / 16).await;
        }
        let listed = listed(rig, &held.grant.subject).await;
        if admits(rig, held.token).await {
            assert_eq!(listed, [held.id()]);
            return;
        }
    }
    panic!("this machine pauses for seconds");
}

pub(super) async fn many_tokens_of_one_subject_are_listed_and_revoked(rig: &dyn Rig) {
    let owner = subject("robot");
    let held = issue_many(rig, &request("robot", sliding("1h")), 300).await;
    let grants = list(rig, &owner).await;
    assert!(grants.is_sorted_by_key(|grant| (grant.issued_at, grant.id)));
    assert_eq!(sorted(grants.iter().map(|grant| grant.id)), ids(&held));
    let ended = rig.store().revoke_subject(&owner, &revocation("root", "left")).await.unwrap().outcome;
    assert_eq!(sorted(ended), ids(&held));
    assert!(list(rig, &owner).await.is_empty());
    for held in &held {
        assert_refused(rig, held).await;
    }
}

pub(super) async fn odd_names_are_names_like_any_other(rig: &dyn Rig) {
    let longest = "x".repeat(255);
    let names = [
        "{",
        "}",
        "{}",
        "{a}b",
        "a}{b",
        ":",
        "u:1",
        "r:1",
        "a:b:c",
        " ",
        "  ",
        "a b",
        "\"",
        "'",
        "`",
        "\\",
        "*",
        "?",
        "[a]",
        "%",
        "%00",
        "$1",
        "';DROP TABLE tokens;--",
        "管理者",
        "Zoë",
        "Zoe\u{308}",
        "👩‍🚀",
        "\u{202e}abc",
        "\u{2028}",
        "\u{feff}",
        "-1",
        "0",
        "nil",
        "null",
        "a,b",
        "a/b",
        "../a",
        "<a>",
        "&amp;",
        "a@b.example",
        &longest,
    ];
    let mut held = Vec::new();
    for name in names {
        held.push(issue(rig, &request(name, sliding("1h"))).await);
    }
    for held in &held {
        let owner = &held.grant.subject;
        let demand = token_core::Demand::any().subject(owner.clone());
        assert_same_facts(&active(present(rig, held, &demand).await), &held.grant);
        assert_eq!(listed(rig, owner).await, [held.id()], "{owner:?}");
    }
    for held in &held {
        let owner = &held.grant.subject;
        let ended = rig
            .store()
            .revoke_subject(owner, &revocation(owner.as_str(), owner.as_str()))
            .await
            .unwrap()
            .outcome;
        assert_eq!(ended, [held.id()], "{owner:?}");
        let token_core::Sighting::Revoked(tombstone) = show(rig, held).await else {
            panic!("it was revoked")
        };
        assert_eq!(tombstone.subject.as_ref(), Some(owner));
    }
}
