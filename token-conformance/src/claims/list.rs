//! Listing: the live tokens of exactly one subject, oldest first.

use token_core::{Grant, Lifetime};

use super::steps::*;
use crate::Fixture;

pub(super) async fn a_listing_is_oldest_first_and_has_all_facts(fixture: &dyn Fixture) {
    let mut held = Vec::new();
    for (lifetime, label) in
        [(hard("24h"), "a"), (sliding("1h"), "b"), (capped("1h", "2h"), "c"), (hard("1h"), "d")]
    {
        let mut asked = restricted("admin", lifetime, &[(1, "r")]);
        asked.label = Some(label.parse().unwrap());
        held.push(issue(fixture, &asked).await);
        fixture.pass(millis(3).as_duration()).await;
    }
    present_live(fixture, held.first().unwrap()).await;

    for store in [fixture.store(), fixture.other_node()] {
        let grants = store.list(&subject("admin")).await.unwrap().grants;
        assert_eq!(grants.len(), held.len());
        for (grant, held) in grants.iter().zip(&held) {
            assert_same_facts(grant, &held.grant);
            assert_tells_the_deadline(fixture, grant).await;
        }
    }
}

pub(super) async fn tokens_of_one_instant_are_listed_by_id(fixture: &dyn Fixture) {
    let held = issue_many(fixture, &request("admin", hard("1h")), 20).await;
    let mut expected: Vec<Grant> = held.into_iter().map(|held| held.grant).collect();
    Grant::sort_oldest_first(&mut expected);
    let expected: Vec<_> = expected.into_iter().map(|grant| grant.id).collect();
    assert_eq!(listed(fixture, &subject("admin")).await, expected);
}

pub(super) async fn a_listing_has_the_tokens_of_exactly_one_subject(fixture: &dyn Fixture) {
    let (owner, neighbour) = neighbours();
    let owned = issue_many(fixture, &request(owner.as_str(), hard("1h")), 3).await;
    let others = issue_many(fixture, &request(neighbour.as_str(), hard("1h")), 2).await;
    assert_eq!(sorted(listed(fixture, &owner).await), ids(&owned));
    assert_eq!(sorted(listed(fixture, &neighbour).await), ids(&others));
    assert!(list(fixture, &subject("without tokens")).await.is_empty());
}

pub(super) async fn a_listing_has_only_live_tokens(fixture: &dyn Fixture) {
    let owner = subject("admin");
    let kept = issue(fixture, &request("admin", hard("24h"))).await;
    let expired = issue(fixture, &request("admin", sliding("1h"))).await;
    let revoked = issue(fixture, &request("admin", hard("24h"))).await;
    fixture.age(expired.id(), HOUR).await;
    let _ = fixture.store().revoke(revoked.id(), &revocation("root", "lost")).await.unwrap();
    for _ in 0..2 {
        assert_eq!(listed(fixture, &owner).await, [kept.id()]);
    }
    let new = issue(fixture, &request("admin", hard("24h"))).await;
    assert_eq!(sorted(listed(fixture, &owner).await), ids(&[kept, new]));
}

/// The index of a subject must live as long as the last of its tokens.
pub(super) async fn a_short_token_takes_no_long_one_out_of_the_listing(fixture: &dyn Fixture) {
    let short = Lifetime::hard(millis(20));
    for (number, long) in [hard("1h"), sliding("1h"), capped("30m", "1h")].into_iter().enumerate() {
        let (first, last) = (format!("long first {number}"), format!("long last {number}"));
        let long_first = issue(fixture, &request(&first, long)).await;
        issue_briefly(fixture, &request(&first, short)).await;
        issue_briefly(fixture, &request(&last, short)).await;
        let long_last = issue(fixture, &request(&last, long)).await;
        fixture.pass(millis(50).as_duration()).await;
        for held in [long_first, long_last] {
            let owner = &held.grant.subject;
            assert_eq!(listed(fixture, owner).await, [held.id()]);
            let ended =
                fixture.store().revoke_subject(owner, &revocation("root", "left")).await.unwrap().outcome;
            assert_eq!(ended, [held.id()]);
        }
    }
}

/// A renewal does not write the index of a subject, so the index must not depend on renewals.
pub(super) async fn a_token_that_outlived_its_first_window_is_still_listed(fixture: &dyn Fixture) {
    // If the machine pauses for a whole window, the token expires: then try again with a longer window.
    for window in (8..14).map(|power| millis(1 << power)) {
        let held = issue(fixture, &request("admin", Lifetime::sliding(window))).await;
        let long_after = held.grant.issued_at.after(2 * window.as_duration());
        while admits(fixture, held.token).await && fixture.now().await < long_after {
            fixture.pass(window.as_duration() / 16).await;
        }
        let listed = listed(fixture, &held.grant.subject).await;
        if admits(fixture, held.token).await {
            assert_eq!(listed, [held.id()]);
            return;
        }
    }
    panic!("this machine pauses for seconds");
}

pub(super) async fn many_tokens_of_one_subject_are_listed_and_revoked(fixture: &dyn Fixture) {
    let owner = subject("robot");
    let held = issue_many(fixture, &request("robot", sliding("1h")), 300).await;
    let grants = list(fixture, &owner).await;
    assert!(grants.is_sorted_by_key(|grant| (grant.issued_at, grant.id)));
    assert_eq!(sorted(grants.iter().map(|grant| grant.id)), ids(&held));
    let ended = fixture.store().revoke_subject(&owner, &revocation("root", "left")).await.unwrap().outcome;
    assert_eq!(sorted(ended), ids(&held));
    assert!(list(fixture, &owner).await.is_empty());
    for held in &held {
        assert_refused(fixture, held).await;
    }
}

pub(super) async fn odd_names_are_names_like_any_other(fixture: &dyn Fixture) {
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
        held.push(issue(fixture, &request(name, sliding("1h"))).await);
    }
    for held in &held {
        let owner = &held.grant.subject;
        let requirement = token_core::Requirement::any().subject(owner.clone());
        assert_same_facts(&active(present(fixture, held, &requirement).await), &held.grant);
        assert_eq!(listed(fixture, owner).await, [held.id()], "{owner:?}");
    }
    for held in &held {
        let owner = &held.grant.subject;
        let ended = fixture
            .store()
            .revoke_subject(owner, &revocation(owner.as_str(), owner.as_str()))
            .await
            .unwrap()
            .outcome;
        assert_eq!(ended, [held.id()], "{owner:?}");
        let token_core::TokenStatus::Revoked(tombstone) = show(fixture, held).await else {
            panic!("it was revoked")
        };
        assert_eq!(tombstone.subject.as_ref(), Some(owner));
    }
}
