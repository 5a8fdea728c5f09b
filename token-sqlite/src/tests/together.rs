//! Tests of changes that are requested at the same time and become one transaction.

use super::wal::{beside, commits};
use super::*;
use std::future::Future;

use token_core::spi::TokenStore;
use token_core::{Mode, Revocation, RevokeOutcome, StoreErrorKind, TokenId, Verdict};
use tokio::task::JoinHandle;

impl Place {
    fn commits(&self) -> usize {
        commits(&std::fs::read(beside(&self.path())).unwrap()).len()
    }
}

/// Prevents all stores from writing until it is released: changes that are requested meanwhile wait.
struct Held(Connection);

impl Held {
    fn hold(place: &Place) -> Self {
        let raw = place.raw();
        raw.execute_batch("BEGIN IMMEDIATE").unwrap();
        Self(raw)
    }

    fn release(self) {
        self.0.execute_batch("COMMIT").unwrap();
    }
}

/// Starts a task, and waits until this many changes wait for the one that is being written.
async fn start<T: Send + 'static>(
    store: &SqliteStore,
    waiting: usize,
    work: impl Future<Output = T> + Send + 'static,
) -> JoinHandle<T> {
    let task = tokio::spawn(work);
    while store.inner.queue.waiting() < waiting || store.inner.database.writer.try_lock().is_ok() {
        assert!(!task.is_finished(), "it did not wait");
        tokio::task::yield_now().await;
    }
    task
}

fn use_of(tokens: &Arc<TokenService<SqliteStore>>, issued: &Issued) -> impl Future<Output = bool> + use<> {
    let (tokens, text) = (Arc::clone(tokens), issued.token.expose_secret().to_owned());
    async move { tokens.validate(&text, &Requirement::any()).await.unwrap().grant().is_some() }
}

fn revocation_of(store: &SqliteStore, id: TokenId) -> impl Future<Output = RevokeOutcome> + use<> {
    let store = store.clone();
    async move { store.revoke(id, &Revocation::default()).await.unwrap().outcome }
}

/// How many rows each connection has changed: first the one whose commits are on the disk, then the other.
fn changed(store: &SqliteStore) -> (u64, u64) {
    let writer = store.inner.database.writer.lock().unwrap();
    (writer.disk.total_changes(), writer.seen.as_ref().map_or(0, Connection::total_changes))
}

#[tokio::test(flavor = "multi_thread")]
async fn concurrent_renewals_share_a_transaction() {
    let place = Place::new();
    let tokens = Arc::new(place.open());
    let store = tokens.store().clone();
    let mut issued = Vec::new();
    for _ in 0..20 {
        issued.push(issue(&tokens, sliding()).await);
    }
    place.clock.advance(MINUTE);
    let (held, before) = (Held::hold(&place), place.commits());
    let mut uses = Vec::new();
    for (number, issued) in issued.iter().enumerate() {
        uses.push(start(&store, number, use_of(&tokens, issued)).await);
    }
    held.release();
    for used in uses {
        assert!(used.await.unwrap());
    }
    assert_eq!(place.commits() - before, 2, "one for the first renewal, and one for all others");
    let ends = tokens.store().list(&admin()).await.unwrap();
    assert!(ends.grants.iter().all(|grant| grant.expires_at > issued[0].grant.expires_at), "{ends:?}");
}

#[tokio::test]
async fn many_validations_in_one_call_share_a_transaction() {
    let place = Place::new();
    let tokens = place.open();
    let mut asked = Vec::new();
    for lifetime in [sliding(), hard(), sliding(), sliding()] {
        let issued = issue(&tokens, lifetime).await;
        asked.push((tokens.parse(issued.token.expose_secret()).unwrap(), Requirement::any()));
    }
    let revoked = asked[2].0.id();
    let _ = tokens.store().revoke(revoked, &Revocation::default()).await.unwrap();
    place.clock.advance(MINUTE);
    let before = place.commits();
    let verdicts = tokens.store().validate_many(&asked, Mode::Use).await;
    let active: Vec<_> =
        verdicts.into_iter().map(|verdict| verdict.unwrap().grant().map(|grant| grant.id)).collect();
    let id = |number: usize| Some(asked[number].0.id());
    assert_eq!(active, [id(0), id(1), None, id(3)]);
    assert_eq!(place.commits() - before, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revocation_among_renewals_waits_for_the_disk() {
    let place = Place::new();
    let tokens = Arc::new(place.open());
    let store = tokens.store().clone();
    let (used, ended) = (issue(&tokens, sliding()).await, issue(&tokens, sliding()).await);
    place.clock.advance(MINUTE);
    let (disk, _) = changed(&store);
    assert!(use_of(&tokens, &used).await);
    assert_eq!(changed(&store), (disk, 1), "a renewal alone does not wait");

    place.clock.advance(MINUTE);
    let held = Held::hold(&place);
    let first = start(&store, 0, use_of(&tokens, &used)).await;
    let revoked = start(&store, 1, revocation_of(&store, ended.grant.id)).await;
    let second = start(&store, 2, use_of(&tokens, &used)).await;
    held.release();
    assert_eq!(revoked.await.unwrap(), RevokeOutcome::Revoked);
    assert!(first.await.unwrap() && second.await.unwrap());
    // One connection made the first renewal; the other a deletion, a tombstone and the second renewal.
    assert_eq!(changed(&store), (disk + 3, 2));
}

#[tokio::test(flavor = "multi_thread")]
async fn renewals_behind_a_revocation_do_not_bring_the_token_back() {
    let place = Place::new();
    let tokens = Arc::new(place.open());
    let store = tokens.store().clone();
    let (other, ended) = (issue(&tokens, sliding()).await, issue(&tokens, sliding()).await);
    place.clock.advance(MINUTE);
    let held = Held::hold(&place);
    let first = start(&store, 0, use_of(&tokens, &other)).await;
    let before = start(&store, 1, use_of(&tokens, &ended)).await;
    let revoked = start(&store, 2, revocation_of(&store, ended.grant.id)).await;
    let behind = start(&store, 3, use_of(&tokens, &ended)).await;
    held.release();
    assert!(first.await.unwrap() && before.await.unwrap());
    assert_eq!(revoked.await.unwrap(), RevokeOutcome::Revoked);
    assert!(!behind.await.unwrap());
    assert_eq!(place.count("tokens"), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_that_fails_undoes_no_other_one() {
    let place = Place::new();
    let tokens = Arc::new(place.open());
    let store = tokens.store().clone();
    let (other, ended) = (issue(&tokens, sliding()).await, issue(&tokens, sliding()).await);
    place.clock.advance(MINUTE);
    let held = Held::hold(&place);
    let first = start(&store, 0, use_of(&tokens, &other)).await;
    let revoked = start(&store, 1, revocation_of(&store, ended.grant.id)).await;
    let taken = {
        let (store, id) = (store.clone(), other.grant.id);
        let request = IssueRequest::new(admin(), Access::Full, hard());
        async move { store.issue(id, &request).await }
    };
    let taken = start(&store, 2, taken).await;
    let last = start(&store, 3, use_of(&tokens, &other)).await;
    held.release();
    assert_eq!(taken.await.unwrap().unwrap_err().kind(), StoreErrorKind::Conflict);
    assert_eq!(revoked.await.unwrap(), RevokeOutcome::Revoked);
    assert!(first.await.unwrap() && last.await.unwrap());
    assert_eq!((place.count("tokens"), place.count("tombstones")), (1, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_use_keeps_its_requirement_if_the_record_has_changed() {
    let place = Place::new();
    let tokens = Arc::new(place.open());
    let issued = issue(&tokens, sliding()).await;
    place.clock.advance(MINUTE);
    let held = Held::hold(&place);
    // The token was read before the other writer replaced its record: the use must be decided again.
    let used = {
        let (tokens, text) = (Arc::clone(&tokens), issued.token.expose_secret().to_owned());
        async move { tokens.validate(&text, &Requirement::any()).await }
    };
    let used = start(&tokens.store().clone(), 0, used).await;
    held.0.execute("UPDATE tokens SET record = CAST(record || x'00' AS BLOB)", ()).unwrap();
    held.release();
    match used.await.unwrap() {
        Err(error) => assert_eq!(error.kind(), StoreErrorKind::Corrupt),
        Ok(verdict @ (Verdict::Active(_) | Verdict::Inactive(_))) => panic!("{verdict:?}"),
    }
}
