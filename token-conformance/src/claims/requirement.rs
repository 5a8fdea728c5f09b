//! Requirements: the user and every permission are checked before the renewal.

use token_core::{Access, Lifetime, Reason, RequiredPermission, Requirement, Scopes, Verdict};

use super::steps::*;
use crate::Fixture;

/// Makes a use that is refused, and checks that the token lives neither longer nor shorter.
async fn assert_refused_without_renewal(
    fixture: &dyn Fixture,
    held: &Held,
    requirement: &Requirement,
    reason: &Reason,
) {
    fixture.age(held.id(), 40 * MINUTE).await;
    for verdict in [present(fixture, held, requirement).await, peek(fixture, held, requirement).await] {
        assert_eq!(verdict, Verdict::Inactive(reason.clone()));
    }
    assert!(remaining(fixture, held).await <= 20 * MINUTE, "a refused use must not renew");
    present_live(fixture, held).await;
    assert_full(remaining(fixture, held).await, HOUR);
}

fn every_sliding_lifetime() -> [Lifetime; 2] {
    [sliding("1h"), capped("1h", "24h")]
}

fn not_permitted(node: u128, permission: &str) -> Reason {
    Reason::NotPermitted { missing: scope(node, permission) }
}

async fn meets(
    fixture: &dyn Fixture,
    held: &Held,
    needs: impl IntoIterator<Item = RequiredPermission>,
) -> bool {
    let requirement = needs.into_iter().fold(Requirement::any(), Requirement::permission);
    let [used, looked] =
        [present(fixture, held, &requirement).await, peek(fixture, held, &requirement).await];
    assert_eq!(used.grant().is_some(), looked.grant().is_some(), "a use and a peek have the same decision");
    used.grant().is_some()
}

pub(super) async fn the_right_user_is_admitted_and_renewed(fixture: &dyn Fixture) {
    for lifetime in every_sliding_lifetime() {
        let held = issue(fixture, &request("admin", lifetime)).await;
        fixture.age(held.id(), 40 * MINUTE).await;
        let grant = active(present(fixture, &held, &Requirement::any().subject(subject("admin"))).await);
        assert_same_facts(&grant, &held.grant);
        assert_full(remaining(fixture, &held).await, HOUR);
    }
}

pub(super) async fn a_wrong_user_is_refused_and_renews_nothing(fixture: &dyn Fixture) {
    for lifetime in every_sliding_lifetime() {
        let held = issue(fixture, &request("admin", lifetime)).await;
        let requirement = Requirement::any().subject(subject("nobody"));
        assert_refused_without_renewal(fixture, &held, &requirement, &Reason::WrongSubject).await;
    }
}

pub(super) async fn a_name_that_is_nearly_right_is_wrong(fixture: &dyn Fixture) {
    let held = issue(fixture, &request("Zoë", hard("1h"))).await;
    for name in ["zoë", "ZOË", "Zoe", "Zoe\u{308}", "Zoë ", " Zoë", "Zo", "Zoë\u{200b}"] {
        let verdict = present(fixture, &held, &Requirement::any().subject(subject(name))).await;
        assert_eq!(verdict, Verdict::Inactive(Reason::WrongSubject), "{name:?}");
    }
}

pub(super) async fn a_neighbour_in_the_partition_is_a_wrong_user(fixture: &dyn Fixture) {
    let (owner, neighbour) = neighbours();
    let held = issue(fixture, &request(owner.as_str(), sliding("1h"))).await;
    assert_refused_without_renewal(
        fixture,
        &held,
        &Requirement::any().subject(neighbour),
        &Reason::WrongSubject,
    )
    .await;
}

pub(super) async fn a_missing_permission_is_named_and_renews_nothing(fixture: &dyn Fixture) {
    for lifetime in every_sliding_lifetime() {
        let held = issue(fixture, &restricted("admin", lifetime, &[(1, "r")])).await;
        for (node, permission) in [(2, "r"), (1, "w"), (1, "rw")] {
            let requirement = Requirement::any().permission(need(node, permission, &[]));
            assert_refused_without_renewal(fixture, &held, &requirement, &not_permitted(node, permission))
                .await;
        }
    }
}

pub(super) async fn the_first_missing_permission_is_the_one_named(fixture: &dyn Fixture) {
    let held = issue(fixture, &restricted("admin", sliding("1h"), &[(1, "r")])).await;
    let needs = [need(1, "r", &[]), need(3, "r", &[]), need(2, "w", &[])];
    let requirement = needs.into_iter().fold(Requirement::any(), Requirement::permission);
    assert_refused_without_renewal(fixture, &held, &requirement, &not_permitted(3, "r")).await;
}

pub(super) async fn a_wrong_user_is_the_reason_even_if_scopes_are_missing(fixture: &dyn Fixture) {
    let held = issue(fixture, &restricted("admin", sliding("1h"), &[(1, "r")])).await;
    let requirement = Requirement::any().permission(need(2, "r", &[])).subject(subject("nobody"));
    assert_refused_without_renewal(fixture, &held, &requirement, &Reason::WrongSubject).await;
    let requirement = Requirement::any().permission(need(1, "r", &[])).subject(subject("nobody"));
    assert_refused_without_renewal(fixture, &held, &requirement, &Reason::WrongSubject).await;
    let requirement = Requirement::any().permission(need(2, "r", &[])).subject(subject("admin"));
    assert_refused_without_renewal(fixture, &held, &requirement, &not_permitted(2, "r")).await;
}

pub(super) async fn a_permission_that_is_held_admits_and_renews(fixture: &dyn Fixture) {
    for lifetime in every_sliding_lifetime() {
        let held = issue(fixture, &restricted("admin", lifetime, &[(1, "r"), (2, "rw")])).await;
        for (node, permission) in [(1, "r"), (2, "r"), (2, "w"), (2, "rw")] {
            fixture.age(held.id(), 40 * MINUTE).await;
            let requirement =
                Requirement::any().subject(subject("admin")).permission(need(node, permission, &[]));
            assert_same_facts(&active(present(fixture, &held, &requirement).await), &held.grant);
            assert_full(remaining(fixture, &held).await, HOUR);
        }
    }
}

pub(super) async fn a_permission_on_an_ancestor_admits_and_renews(fixture: &dyn Fixture) {
    let held = issue(fixture, &restricted("admin", sliding("1h"), &[(1, "r")])).await;
    for ancestors in [&[1][..], &[7, 1], &[1, 7], &[9, 8, 7, 1]] {
        fixture.age(held.id(), 40 * MINUTE).await;
        active(present(fixture, &held, &Requirement::any().permission(need(5, "r", ancestors))).await);
        assert_full(remaining(fixture, &held).await, HOUR);
    }
    let elsewhere = Requirement::any().permission(need(5, "r", &[7, 8]));
    assert_refused_without_renewal(fixture, &held, &elsewhere, &not_permitted(5, "r")).await;
    let more = Requirement::any().permission(need(5, "rw", &[1]));
    assert_refused_without_renewal(fixture, &held, &more, &not_permitted(5, "rw")).await;
}

pub(super) async fn a_permission_on_a_child_does_not_reach_up(fixture: &dyn Fixture) {
    let held = issue(fixture, &restricted("admin", hard("1h"), &[(2, "rw")])).await;
    assert!(meets(fixture, &held, [need(2, "rw", &[1])]).await);
    assert!(!meets(fixture, &held, [need(1, "r", &[])]).await);
}

pub(super) async fn rights_add_up_along_the_path(fixture: &dyn Fixture) {
    let held = issue(fixture, &restricted("admin", hard("1h"), &[(1, "r"), (2, "w")])).await;
    assert!(meets(fixture, &held, [need(2, "rw", &[1])]).await);
    assert!(meets(fixture, &held, [need(3, "rw", &[2, 1])]).await);
    assert!(!meets(fixture, &held, [need(3, "rw", &[2])]).await);
    assert!(!meets(fixture, &held, [need(1, "rw", &[])]).await);
}

pub(super) async fn every_one_of_several_needs_must_be_met(fixture: &dyn Fixture) {
    let held = issue(fixture, &restricted("admin", hard("1h"), &[(1, "r"), (2, "w")])).await;
    assert!(meets(fixture, &held, []).await);
    assert!(meets(fixture, &held, [need(1, "r", &[]), need(2, "w", &[])]).await);
    assert!(meets(fixture, &held, [need(1, "r", &[]), need(3, "w", &[2])]).await);
    assert!(!meets(fixture, &held, [need(1, "r", &[]), need(2, "r", &[])]).await);
    assert!(!meets(fixture, &held, [need(3, "w", &[2]), need(4, "w", &[])]).await);
}

pub(super) async fn full_access_meets_every_need(fixture: &dyn Fixture) {
    let held = issue(fixture, &request("admin", hard("1h"))).await;
    assert_eq!(held.grant.access, Access::Full);
    assert!(meets(fixture, &held, [need(1, "rw", &[]), need(u128::MAX, "w", &[0])]).await);
}

pub(super) async fn each_of_the_maximum_number_of_scopes_is_effective(fixture: &dyn Fixture) {
    let most = Scopes::MAX as u128;
    let scopes: Vec<_> = (1..=most).map(|node| (node, "r")).collect();
    let held = issue(fixture, &restricted("admin", sliding("1h"), &scopes)).await;
    assert!(meets(fixture, &held, (1..=most).map(|node| need(node, "r", &[]))).await);
    for node in [0, most + 1] {
        let needs = [need(1, "r", &[]), need(node, "r", &[])];
        let requirement = needs.into_iter().fold(Requirement::any(), Requirement::permission);
        assert_refused_without_renewal(fixture, &held, &requirement, &not_permitted(node, "r")).await;
    }
}

pub(super) async fn a_scope_on_the_farthest_possible_ancestor_is_effective(fixture: &dyn Fixture) {
    let most = RequiredPermission::MAX_ANCESTORS as u128;
    let ancestors: Vec<u128> = (1..=most).collect();
    for node in [1, most / 2, most] {
        let held = issue(fixture, &restricted("admin", hard("1h"), &[(node, "w")])).await;
        assert!(meets(fixture, &held, [need(u128::MAX, "w", &ancestors)]).await);
        assert!(!meets(fixture, &held, [need(u128::MAX, "r", &ancestors)]).await);
    }
}
