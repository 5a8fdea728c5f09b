//! Helpers for claims.

use std::sync::Arc;
use std::time::Duration;

use token_core::spi::{SubjectHash, TokenFormat, TokenStore};
use token_core::{
    Access, Grant, IssueRequest, Lifetime, Mode, ParsedToken, Prefix, Reason, RequiredPermission,
    Requirement, Revocation, Scope, Scopes, StoreError, StoreErrorKind, Subject, TokenId, TokenStatus,
    Verdict, os_rng,
};
use uuid::Uuid;

use crate::Fixture;
use crate::runner::TRIAL_LIMIT;

pub(super) const MINUTE: Duration = Duration::from_secs(60);
pub(super) const HOUR: Duration = Duration::from_secs(3600);

/// More time than can pass within a trial. Claims use much longer times, so that they hold on any machine.
const SLACK: Duration = TRIAL_LIMIT.saturating_mul(2);

/// The error of a deadline that is rounded to milliseconds twice.
const ROUNDING: Duration = Duration::from_millis(3);

/// A token, and its grant at issue.
pub(super) struct Held {
    pub(super) token: ParsedToken,
    pub(super) grant: Grant,
}

impl Held {
    pub(super) fn id(&self) -> TokenId {
        self.grant.id
    }
}

pub(super) fn subject(name: &str) -> Subject {
    name.parse().unwrap()
}

pub(super) fn hard(limit: &str) -> Lifetime {
    Lifetime::hard(limit.parse().unwrap())
}

pub(super) fn sliding(window: &str) -> Lifetime {
    Lifetime::sliding(window.parse().unwrap())
}

pub(super) fn capped(window: &str, cap: &str) -> Lifetime {
    Lifetime::capped(window.parse().unwrap(), cap.parse().unwrap()).unwrap()
}

pub(super) fn millis(millis: u64) -> token_core::Span {
    token_core::Span::from_millis(millis).unwrap()
}

/// A request for a token with full access.
pub(super) fn request(user: &str, lifetime: Lifetime) -> IssueRequest {
    IssueRequest::new(subject(user), Access::Full, lifetime)
}

/// A request for a token that is restricted to these permissions on nodes.
pub(super) fn restricted(user: &str, lifetime: Lifetime, scopes: &[(u128, &str)]) -> IssueRequest {
    let scopes = scopes.iter().map(|&(node, permission)| scope(node, permission));
    IssueRequest::new(subject(user), Access::Restricted(Scopes::new(scopes).unwrap()), lifetime)
}

pub(super) fn scope(node: u128, permission: &str) -> Scope {
    format!("node:{}:{permission}", Uuid::from_u128(node)).parse().unwrap()
}

/// A requirement of a permission on a node in these folders.
pub(super) fn need(node: u128, permission: &str, ancestors: &[u128]) -> RequiredPermission {
    RequiredPermission::new(scope(node, permission))
        .with_ancestors(ancestors.iter().map(|&node| Uuid::from_u128(node)))
}

pub(super) fn revocation(by: &str, why: &str) -> Revocation {
    Revocation { by: Some(by.parse().unwrap()), why: Some(why.parse().unwrap()) }
}

/// A presented token that has not been issued yet.
pub(super) fn new_token(fixture: &dyn Fixture, owner: &Subject) -> ParsedToken {
    let format = TokenFormat::new(Prefix::default(), Arc::clone(fixture.store().keys()));
    let token = format.generate(SubjectHash::of(owner).partition, &mut os_rng().unwrap());
    format.parse(token.expose_secret()).unwrap()
}

pub(super) async fn issue(fixture: &dyn Fixture, request: &IssueRequest) -> Held {
    let token = new_token(fixture, &request.subject);
    let grant = fixture.store().issue(token.id(), request).await.unwrap().outcome;
    Held { token, grant }
}

/// Issues a token with a lifetime of milliseconds; `None` if the lifetime was over before the store could keep the token, which
/// the store's own clock must confirm.
pub(super) async fn issue_briefly(fixture: &dyn Fixture, request: &IssueRequest) -> Option<Held> {
    let token = new_token(fixture, &request.subject);
    let began = fixture.now().await;
    match fixture.store().issue(token.id(), request).await {
        Err(error) if error.kind() == StoreErrorKind::TimedOut => {
            let passed = began.until(fixture.now().await);
            let life = request.lifetime.window().or(request.lifetime.cap()).unwrap().as_duration();
            assert!(passed >= life, "too late for a life of {life:?} after {passed:?}");
            None
        }
        granted => Some(Held { token, grant: granted.unwrap().outcome }),
    }
}

/// Issues the first of these requests that the store can issue in time. Each has a longer lifetime than the previous one, so
/// that a pausing machine does not excuse a store that never issues.
pub(super) async fn issue_the_shortest(
    fixture: &dyn Fixture,
    requests: impl IntoIterator<Item = IssueRequest>,
) -> (Held, IssueRequest) {
    for request in requests {
        if let Some(held) = issue_briefly(fixture, &request).await {
            return (held, request);
        }
    }
    panic!("the store issued none of the requested lives")
}

pub(super) async fn issue_many(fixture: &dyn Fixture, request: &IssueRequest, count: usize) -> Vec<Held> {
    let mut held = Vec::with_capacity(count);
    for _ in 0..count {
        held.push(issue(fixture, request).await);
    }
    held
}

/// Uses the token.
pub(super) async fn present(fixture: &dyn Fixture, held: &Held, requirement: &Requirement) -> Verdict {
    fixture.store().validate(held.token, requirement, Mode::Use).await.unwrap()
}

/// Uses the token, which must be live.
pub(super) async fn present_live(fixture: &dyn Fixture, held: &Held) -> Grant {
    active(present(fixture, held, &Requirement::any()).await)
}

/// Whether a use of the token is admitted.
pub(super) async fn admits(fixture: &dyn Fixture, token: ParsedToken) -> bool {
    fixture.store().validate(token, &Requirement::any(), Mode::Use).await.unwrap().grant().is_some()
}

/// Peeks at the token.
pub(super) async fn peek(fixture: &dyn Fixture, held: &Held, requirement: &Requirement) -> Verdict {
    fixture.store().validate(held.token, requirement, Mode::Peek).await.unwrap()
}

pub(super) fn active(verdict: Verdict) -> Grant {
    match verdict {
        Verdict::Active(grant) => Arc::unwrap_or_clone(grant),
        Verdict::Inactive(reason) => panic!("the token should be active, but: {reason}"),
    }
}

pub(super) async fn show(fixture: &dyn Fixture, held: &Held) -> TokenStatus {
    fixture.store().show(held.id()).await.unwrap()
}

pub(super) async fn show_live(fixture: &dyn Fixture, held: &Held) -> Grant {
    match show(fixture, held).await {
        TokenStatus::Live(grant) => grant,
        other => panic!("the token should be live, but: {other:?}"),
    }
}

pub(super) async fn list(fixture: &dyn Fixture, owner: &Subject) -> Vec<Grant> {
    let listing = fixture.store().list(owner).await.unwrap();
    assert_eq!(listing.unreadable, [], "records that can be read");
    listing.grants
}

/// The ids of the subject's tokens, in the order of the listing.
pub(super) async fn listed(fixture: &dyn Fixture, owner: &Subject) -> Vec<TokenId> {
    list(fixture, owner).await.into_iter().map(|grant| grant.id).collect()
}

/// The ids, sorted.
pub(super) fn sorted(ids: impl IntoIterator<Item = TokenId>) -> Vec<TokenId> {
    let mut ids: Vec<_> = ids.into_iter().collect();
    ids.sort_unstable();
    ids
}

pub(super) fn ids(held: &[Held]) -> Vec<TokenId> {
    sorted(held.iter().map(Held::id))
}

pub(super) async fn remaining(fixture: &dyn Fixture, held: &Held) -> Duration {
    fixture.remaining(held.id()).await.expect("the token should be live")
}

/// Asserts that the token is gone in every respect, and left no tombstone.
pub(super) async fn assert_gone(fixture: &dyn Fixture, held: &Held) {
    assert_refused(fixture, held).await;
    assert_eq!(show(fixture, held).await, TokenStatus::Unknown);
    assert_eq!(fixture.remaining(held.id()).await, None);
}

/// Asserts that every node refuses a use and a peek of the token, and that it is not listed.
pub(super) async fn assert_refused(fixture: &dyn Fixture, held: &Held) {
    for store in [fixture.store(), fixture.other_node()] {
        for mode in [Mode::Use, Mode::Peek] {
            let verdict = store.validate(held.token, &Requirement::any(), mode).await.unwrap();
            assert_eq!(verdict, Verdict::Inactive(Reason::NoSuchToken));
        }
        let listed = store.list(&held.grant.subject).await.unwrap().grants;
        assert!(listed.iter().all(|grant| grant.id != held.id()), "{listed:?}");
    }
}

/// Asserts that the remaining time is that of a TTL which was set within this trial.
pub(super) fn assert_full(remaining: Duration, whole: Duration) {
    assert!(remaining <= whole, "{remaining:?} are left of {whole:?}");
    assert!(remaining + SLACK > whole, "only {remaining:?} are left of {whole:?}");
}

/// Asserts that two grants are equal except for the deadline, which moves.
pub(super) fn assert_same_facts(grant: &Grant, other: &Grant) {
    assert_eq!(*grant, Grant { expires_at: grant.expires_at, ..other.clone() });
}

/// Asserts that the deadline in the grant is the one in the store, however long the query takes.
pub(super) async fn assert_tells_the_deadline(fixture: &dyn Fixture, grant: &Grant) {
    let before = fixture.now().await;
    let remaining = fixture.remaining(grant.id).await.expect("the token should be live");
    let after = fixture.now().await;
    let (earliest, latest) = (before.after(remaining), after.after(remaining));
    assert!(earliest <= grant.expires_at.after(ROUNDING), "{grant:?} dies later, at {earliest}");
    assert!(grant.expires_at <= latest.after(ROUNDING), "{grant:?} dies earlier, at {latest}");
}

/// Two different subjects whose tokens share a partition.
pub(super) fn neighbours() -> (Subject, Subject) {
    let one = subject("somebody");
    let partition = |subject: &Subject| SubjectHash::of(subject).partition;
    let mut others = (0..).map(|number| subject(&format!("neighbour {number}")));
    let other = others.find(|other| partition(other) == partition(&one)).unwrap();
    (one, other)
}

/// Repeats the call while other callers change the same subject's tokens: a store may return an error then.
pub(super) async fn insist<T, F>(mut ask: impl FnMut() -> F) -> T
where
    F: Future<Output = Result<T, StoreError>>,
{
    loop {
        match ask().await {
            Err(error) if error.kind() == StoreErrorKind::Contended => tokio::task::yield_now().await,
            answer => return answer.unwrap(),
        }
    }
}
