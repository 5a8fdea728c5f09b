//! Each role is refused the operations of other roles, and a refused operation changes nothing.

use std::collections::BTreeMap;

use token_core::spi::TokenStore;
use token_core::{Access, IssueRequest, Requirement, Revocation, StoreError, StoreErrorKind, TokenId};
use token_redis::RedisStore;

use crate::kit::{Place, Tokens, hard, is_active, issue, keys, patient, tokens_with};

/// The value and the expiry of every key.
async fn contents(place: &Place) -> BTreeMap<String, (Vec<u8>, i64)> {
    let mut contents = BTreeMap::new();
    for primary in place.primaries().await {
        for key in primary.command::<Vec<String>>(&["KEYS", "*"]).await {
            let kept = primary.command(&["DUMP", &key]).await;
            let dies_at = primary.command(&["PEXPIRETIME", &key]).await;
            contents.insert(key, (kept, dies_at));
        }
    }
    contents
}

const NOT_PERMITTED: &str = "does not permit this; give the user of the store URL the rights of its role (deploy/acl, token-cli doctor)";
const WRONG_PASSWORD: &str = "refused user name or password; check both in the store URL";
const NO_PASSWORD: &str = "demands a password; put user name and password into the store URL (TOKEN_STORE)";

/// The complete error text: what failed, on which server (without the login), and what to do.
fn is_denied(error: &StoreError, doing: &str, trouble: &str) {
    is_refused(error, StoreErrorKind::Denied, doing, trouble);
}

fn is_refused(error: &StoreError, kind: StoreErrorKind, doing: &str, trouble: &str) {
    assert_eq!((error.kind(), error.is_retryable()), (kind, false), "{error:?}");
    let said = error.to_string();
    let server = said.strip_prefix(&format!("cannot {doing}: ")).and_then(|rest| rest.strip_suffix(trouble));
    let server =
        server.unwrap_or_else(|| panic!("{said:?} is not about {doing:?}, or not that it {trouble}"));
    assert!(server.starts_with("redis") && server.ends_with(' ') && !server.contains('@'), "{said}");
}

async fn revocations_and_prunings_are_refused(tokens: &Tokens, id: TokenId) {
    let (store, revocation) = (tokens.store(), Revocation::default());
    is_denied(&store.revoke(id, &revocation).await.unwrap_err(), "revoke", NOT_PERMITTED);
    for user in ["admin", "nobody"] {
        let refused = store.revoke_subject(&user.parse().unwrap(), &revocation).await.unwrap_err();
        is_denied(&refused, "revoke the user's tokens", NOT_PERMITTED);
    }
    is_denied(&store.prune().await.unwrap_err(), "prune", NOT_PERMITTED);
}

async fn validators_only_validate(place: Place) {
    let issued = issue(&place.tokens("issuer").await, "admin", hard()).await;
    let before = contents(&place).await;
    let validator = place.tokens("validator").await;
    let request = IssueRequest::new("admin".parse().unwrap(), Access::Full, hard());
    let refused = validator.issue(&request).await.unwrap_err().into_store().unwrap();
    is_denied(&refused, "issue", NOT_PERMITTED);
    let refused = validator.store().list(&"admin".parse().unwrap()).await.unwrap_err();
    is_denied(&refused, "list", NOT_PERMITTED);
    revocations_and_prunings_are_refused(&validator, issued.grant.id).await;
    assert_eq!(contents(&place).await, before);
    assert!(is_active(&validator, &issued).await);
}

#[tokio::test]
async fn validators_neither_issue_list_revoke_nor_prune_on_a_server() {
    validators_only_validate(Place::server().await).await;
}

#[tokio::test]
async fn validators_neither_issue_list_revoke_nor_prune_on_a_cluster() {
    validators_only_validate(Place::cluster().await).await;
}

async fn issuers_remove_nothing(place: Place) {
    let issuer = place.tokens("issuer").await;
    let issued = issue(&issuer, "admin", hard()).await;
    let before = contents(&place).await;
    revocations_and_prunings_are_refused(&issuer, issued.grant.id).await;
    assert_eq!(contents(&place).await, before);
    assert!(is_active(&place.tokens("validator").await, &issued).await);
}

#[tokio::test]
async fn issuers_neither_revoke_nor_prune_on_a_server() {
    issuers_remove_nothing(Place::server().await).await;
}

#[tokio::test]
async fn issuers_neither_revoke_nor_prune_on_a_cluster() {
    issuers_remove_nothing(Place::cluster().await).await;
}

#[tokio::test]
async fn a_login_needs_the_password_of_its_own_role() {
    let place = Place::server().await;
    let connect = async |url: &str| RedisStore::connect(url, keys(), patient()).await;
    is_refused(
        &connect(&place.url()).await.unwrap_err(),
        StoreErrorKind::LoginRefused,
        "connect",
        NO_PASSWORD,
    );
    is_refused(
        &connect(&place.url_as("default")).await.unwrap_err(),
        StoreErrorKind::LoginRefused,
        "connect",
        WRONG_PASSWORD,
    );
    let swapped = place.url_as("validator").replace("validator:", "admin:");
    is_refused(
        &connect(&swapped).await.unwrap_err(),
        StoreErrorKind::LoginRefused,
        "connect",
        WRONG_PASSWORD,
    );
}

#[tokio::test]
async fn no_role_has_access_to_another_namespace() {
    let place = Place::server().await;
    let mut options = patient();
    options.namespace = "other".parse().unwrap();
    let issued = issue(&place.tokens("issuer").await, "admin", hard()).await;
    for role in ["validator", "issuer", "admin"] {
        let tokens = tokens_with(&place.url_as(role), options.clone()).await;
        let validated = tokens.validate(issued.token.expose_secret(), &Requirement::any()).await;
        is_denied(&validated.unwrap_err(), "validate", NOT_PERMITTED);
        is_denied(&tokens.store().show(issued.grant.id).await.unwrap_err(), "show", NOT_PERMITTED);
    }
}
