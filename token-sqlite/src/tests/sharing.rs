//! Tests of several stores on one file.

use super::*;
use std::thread;

use token_core::spi::TokenStore;
use token_core::{Reason, Revocation, RevokeOutcome, StoreErrorKind, TokenStatus, Verdict};

#[tokio::test]
async fn stores_on_one_file_see_each_others_issues_and_revocations() {
    let place = Place::new();
    let (here, there) = (place.open(), place.open());
    for lifetime in [hard(), sliding()] {
        let issued = issue(&here, lifetime).await;
        assert!(is_active(&there, &issued).await);
        let _ = there.store().revoke(issued.grant.id, &Revocation::default()).await.unwrap();
        assert!(!is_active(&here, &issued).await);
        let again = here.store().revoke(issued.grant.id, &Revocation::default()).await.unwrap().outcome;
        assert_eq!(again, RevokeOutcome::AlreadyRevoked);
        assert!(matches!(here.store().show(issued.grant.id).await.unwrap(), TokenStatus::Revoked(_)));
    }
}

#[tokio::test]
async fn a_renewal_by_one_store_is_seen_by_the_other() {
    let place = Place::new();
    let (here, there) = (place.open(), place.open());
    let issued = issue(&here, sliding()).await;
    place.clock.advance(9 * MINUTE);
    assert!(is_active(&there, &issued).await);
    place.clock.advance(9 * MINUTE);
    assert!(is_active(&here, &issued).await);
    place.clock.advance(10 * MINUTE);
    assert!(!is_active(&there, &issued).await);
}

/// The narrowest race: the token was live when it was read, and the renewal waits for a writer that revokes it.
#[tokio::test(flavor = "multi_thread")]
async fn a_renewal_that_waited_for_a_revocation_refuses_the_token() {
    let place = Place::new();
    let tokens = Arc::new(place.open());
    let issued = issue(&tokens, sliding()).await;
    place.clock.advance(MINUTE);
    let raw = place.raw();
    raw.execute_batch("BEGIN IMMEDIATE; DELETE FROM tokens").unwrap();

    let use_it = {
        let tokens = Arc::clone(&tokens);
        async move { tokens.validate(issued.token.expose_secret(), &Requirement::any()).await.unwrap() }
    };
    let use_it = tokio::spawn(use_it);
    while tokens.store().inner.database.writer.try_lock().is_ok() && !use_it.is_finished() {
        thread::yield_now();
    }
    raw.execute_batch("COMMIT").unwrap();
    assert_eq!(use_it.await.unwrap(), Verdict::Inactive(Reason::NoSuchToken));
    assert_eq!(place.count("tokens"), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn no_renewal_brings_a_revoked_token_back() {
    let place = Place::new();
    let stores = [Arc::new(place.open()), Arc::new(place.open())];
    for _ in 0..30 {
        let issued = Arc::new(issue(&stores[0], sliding()).await);
        let users: Vec<_> = (0..6)
            .map(|n| {
                let (tokens, issued, clock) =
                    (Arc::clone(&stores[n % 2]), Arc::clone(&issued), Arc::clone(&place.clock));
                tokio::spawn(async move {
                    while is_active(&tokens, &issued).await {
                        clock.advance(Duration::from_millis(1));
                    }
                })
            })
            .collect();
        while !was_renewed(&stores[1], &issued).await {
            assert!(users.iter().all(|user| !user.is_finished()), "refused before it was revoked");
            tokio::task::yield_now().await;
        }
        let outcome =
            stores[1].store().revoke(issued.grant.id, &Revocation::default()).await.unwrap().outcome;
        assert_eq!(outcome, RevokeOutcome::Revoked);
        assert!(!is_active(&stores[0], &issued).await, "refused from the moment the revocation was answered");
        for user in users {
            user.await.unwrap();
        }
        assert_eq!(place.count("tokens"), 0);
    }
}

async fn was_renewed(tokens: &TokenService<SqliteStore>, issued: &Issued) -> bool {
    match tokens.store().show(issued.grant.id).await.unwrap() {
        TokenStatus::Live(grant) => grant.expires_at > issued.grant.expires_at,
        other => panic!("nobody revoked it: {other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_revocations_of_one_token_one_succeeds() {
    let place = Place::new();
    let stores = [Arc::new(place.open()), Arc::new(place.open())];
    let issued = issue(&stores[0], sliding()).await;
    let tasks: Vec<_> = (0..12)
        .map(|n| {
            let (tokens, id) = (Arc::clone(&stores[n % 2]), issued.grant.id);
            tokio::spawn(
                async move { tokens.store().revoke(id, &Revocation::default()).await.unwrap().outcome },
            )
        })
        .collect();
    let mut ended = 0;
    for task in tasks {
        match task.await.unwrap() {
            RevokeOutcome::Revoked => ended += 1,
            other => assert_eq!(other, RevokeOutcome::AlreadyRevoked),
        }
    }
    assert_eq!(ended, 1);
}

#[test]
fn reads_wait_for_no_writer_of_any_process() {
    let place = Place::new();
    let tokens = place.open();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let (still, slides) =
        runtime.block_on(async { (issue(&tokens, hard()).await, issue(&tokens, sliding()).await) });
    place.clock.advance(MINUTE);
    let raw = place.raw();
    raw.execute_batch("BEGIN IMMEDIATE").unwrap();
    let writer = tokens.store().inner.database.writer.lock().unwrap();
    runtime.block_on(async {
        assert!(is_active(&tokens, &still).await);
        assert!(
            tokens.peek(slides.token.expose_secret(), &Requirement::any()).await.unwrap().grant().is_some()
        );
        let other = Requirement::any().subject("other".parse().unwrap());
        let refused = tokens.validate(slides.token.expose_secret(), &other).await.unwrap();
        assert_eq!(refused, Verdict::Inactive(Reason::WrongSubject));
        assert_eq!(tokens.store().list(&admin()).await.unwrap().grants.len(), 2);
    });
    drop(writer);
}

#[tokio::test]
async fn a_file_that_stays_busy_is_a_retryable_error() {
    let place = Place::new();
    let tokens = place.open();
    tokens.store().inner.database.writer.lock().unwrap().disk.busy_timeout(Duration::ZERO).unwrap();
    let raw = place.raw();
    raw.execute_batch("BEGIN IMMEDIATE").unwrap();
    let request = IssueRequest::new(admin(), Access::Full, hard());
    let error = tokens.issue(&request).await.unwrap_err().into_store().unwrap();
    assert_eq!(error.kind(), StoreErrorKind::TimedOut);
    assert!(error.is_retryable());
    raw.execute_batch("COMMIT").unwrap();
    issue(&tokens, hard()).await;
}
