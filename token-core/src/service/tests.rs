//! Tests of the parts between callers and the store.

use std::sync::{Arc, Mutex};

use super::*;
use crate::spi::MemoryStore;
use crate::{Access, IssueRequest, KeyRing, Lifetime, RandomnessError, Requirement, Revocation};

fn store() -> MemoryStore {
    MemoryStore::new(Arc::new(KeyRing::public()))
}

fn request(user: &str) -> IssueRequest {
    IssueRequest::new(user.parse().unwrap(), Access::Full, Lifetime::hard("1h".parse().unwrap()))
}

/// Allows tokens for one user only.
struct Only(&'static str);

impl IssuePolicy for Only {
    fn check(&self, request: &IssueRequest) -> Result<(), IssueDenied> {
        match request.subject.as_str() == self.0 {
            true => Ok(()),
            false => Err(IssueDenied::new("this user gets no tokens")),
        }
    }
}

#[derive(Clone, Default)]
struct Journal(Arc<Mutex<Vec<String>>>);

impl EventSink for Journal {
    fn record(&self, event: &Event<'_>) {
        let line = match event {
            Event::Issued { grant, .. } => format!("issued {}", grant.id),
            Event::Revoked { id, outcome, .. } => format!("{} {id}", outcome.code()),
            Event::SubjectRevoked { subject, ids, .. } => format!("all of {subject}: {}", ids.len()),
        };
        self.0.lock().unwrap().push(line);
    }
}

fn no_randomness(_: &mut [u8; 32]) -> Result<(), RandomnessError> {
    Err(RandomnessError::new("none in this test"))
}

#[tokio::test]
async fn a_policy_denies_before_the_store_is_asked() {
    let tokens = TokenService::builder(store()).issue_policy(Only("ann")).build();
    tokens.issue(&request("ann")).await.unwrap();
    let bob = request("bob");
    let denied = tokens.issue(&bob).await.unwrap_err();
    assert_eq!((denied.code(), denied.is_retryable()), ("policy", false));
    assert_eq!(denied.to_string(), "nothing was issued: this user gets no tokens");
    let again = tokens.issue_once(&bob, &"k".parse().unwrap()).await.unwrap_err();
    assert!(matches!(again, ServiceError::Denied(_)), "{again:?}");
    assert!(tokens.list(&bob.subject).await.unwrap().is_empty());
}

#[tokio::test]
async fn every_change_is_an_event() {
    let journal = Journal::default();
    let tokens = TokenService::builder(store()).event_sink(journal.clone()).build();
    let (ann, revocation) = (request("ann"), Revocation::default());
    let first = tokens.issue(&ann).await.unwrap().grant.id;
    let key = "k".parse().unwrap();
    let crate::Once::Issued(second) = tokens.issue_once(&ann, &key).await.unwrap() else { panic!("first") };
    tokens.issue_once(&ann, &key).await.unwrap();
    tokens.validate(second.token.expose_secret(), &Requirement::any()).await.unwrap();
    let _ = tokens.revoke(first, &revocation).await.unwrap();
    let _ = tokens.revoke(first, &revocation).await.unwrap();
    let _ = tokens.revoke_subject(&ann.subject, &revocation).await.unwrap();
    let expected = [
        format!("issued {first}"),
        format!("issued {}", second.grant.id),
        format!("revoked {first}"),
        format!("already_revoked {first}"),
        "all of ann: 1".to_owned(),
    ];
    assert_eq!(*journal.0.lock().unwrap(), expected);
}

#[tokio::test]
async fn revoking_an_unknown_token_is_no_event() {
    let journal = Journal::default();
    let tokens = TokenService::builder(store()).event_sink(journal.clone()).build();
    let never = TokenService::new(store(), Prefix::default()).issue(&request("ann")).await.unwrap();
    let _ = tokens.revoke(never.grant.id, &Revocation::default()).await.unwrap();
    assert!(journal.0.lock().unwrap().is_empty());
}

#[tokio::test]
async fn without_randomness_nothing_is_issued_or_probed() {
    let tokens = TokenService::builder(store()).random_source(no_randomness).build();
    let ann = request("ann");
    let errors = [tokens.issue(&ann).await.unwrap_err(), tokens.probe().await.unwrap_err()];
    for error in errors {
        assert!(matches!(error, ServiceError::Randomness(_)), "{error:?}");
        assert_eq!((error.code(), error.is_retryable()), ("no_randomness", true));
    }
    assert!(tokens.list(&ann.subject).await.unwrap().is_empty());
}

#[tokio::test]
async fn another_store_keeps_policy_and_prefix() {
    let prefix: Prefix = "pat".parse().unwrap();
    let first = TokenService::builder(store()).prefix(prefix).issue_policy(Only("ann")).build();
    let second = first.with_store(Arc::new(store()));
    second.issue(&request("bob")).await.unwrap_err();
    let issued = second.issue(&request("ann")).await.unwrap();
    assert!(issued.token.expose_secret().starts_with("pat_"));
}
