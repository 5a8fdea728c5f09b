//! Tests with the key file of another database.

use std::sync::Arc;

use token_core::{Access, IssueRequest, KeyFit, KeyRing, KeyVersion, Prefix, StoreErrorKind, TokenService};

use super::{Place, admin, hard, issue};
use crate::store::SqliteStore;

fn with_keys(place: &Place, digits: &str) -> TokenService<SqliteStore> {
    let keys = Arc::new(KeyRing::parse(&format!("1 {}", digits.repeat(32))).unwrap());
    let store = SqliteStore::open_with_clock(&place.path(), keys, Arc::clone(&place.clock)).unwrap();
    TokenService::new(store, Prefix::default())
}

#[tokio::test]
async fn another_key_of_the_same_version_issues_nothing() {
    let place = Place::new();
    let (own, other) = (with_keys(&place, "aa"), with_keys(&place, "bb"));
    assert_eq!(own.store().key_fit().unwrap(), KeyFit::Unknown);
    issue(&own, hard()).await;
    issue(&own, hard()).await;
    assert_eq!(own.store().key_fit().unwrap(), KeyFit::Fits);

    assert_eq!(other.store().key_fit().unwrap(), KeyFit::Differs(KeyVersion::new(b'1').unwrap()));
    let request = IssueRequest::new(admin(), Access::Full, hard());
    let refused = other.issue(&request).await.unwrap_err().into_store().unwrap();
    assert_eq!(refused.kind(), StoreErrorKind::Misconfigured);
    assert!(refused.to_string().contains("its key version 1 is not the key version 1"), "{refused}");
    assert_eq!((place.count("tokens"), place.count("key_checks")), (2, 1));
}

#[tokio::test]
async fn the_public_key_issues_nothing_once_a_key_file_has_issued() {
    let place = Place::new();
    let public = place.open();
    issue(&public, hard()).await;
    issue(&with_keys(&place, "aa"), hard()).await;
    assert_eq!(public.store().key_fit().unwrap(), KeyFit::Public(vec![KeyVersion::new(b'1').unwrap()]));
    let request = IssueRequest::new(admin(), Access::Full, hard());
    let refused = public.issue(&request).await.unwrap_err().into_store().unwrap();
    assert_eq!(refused.kind(), StoreErrorKind::Misconfigured);
    assert!(refused.to_string().contains("set TOKEN_KEY_FILE"), "{refused}");
    assert_eq!(place.count("tokens"), 2);
}
