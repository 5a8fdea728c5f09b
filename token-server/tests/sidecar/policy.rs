//! What stands between callers and the store: an issue policy that denies, and randomness that is missing.

use std::sync::Arc;

use http::Request;
use token_core::spi::{MemoryStore, TokenStore};
use token_core::{IssueDenied, IssuePolicy, IssueRequest, KeyRing, RandomnessError, TokenService};

use crate::kit::*;

fn store() -> Arc<dyn TokenStore> {
    Arc::new(MemoryStore::new(Arc::new(KeyRing::public())))
}

/// Allows tokens of one user only.
struct Only(&'static str);

impl IssuePolicy for Only {
    fn check(&self, request: &IssueRequest) -> Result<(), IssueDenied> {
        match request.subject.as_str() == self.0 {
            true => Ok(()),
            false => Err(IssueDenied::new("ask for a token of your own user")),
        }
    }
}

fn no_randomness(_: &mut [u8; 32]) -> Result<(), RandomnessError> {
    Err(RandomnessError::new("hidden"))
}

#[tokio::test]
async fn a_token_that_the_policy_denies_is_403_and_says_why() {
    let store = store();
    let running = Running::with(store.clone(), |sidecar| {
        sidecar.tokens = Arc::new(TokenService::builder(store).issue_policy(Only("root")).build());
    });
    let root = running.issue("root", &[]).await;
    let denied = running.rest_with(&root, "POST", "", r#"{"user":"ann","expire":"1h"}"#).await;
    assert_eq!((denied.status, denied.text("error")), (403, "access_denied"));
    assert_eq!(denied.detail(), "nothing was issued: ask for a token of your own user");
    let issued = running.rest_with(&root, "POST", "", r#"{"expire":"1h"}"#).await;
    assert_eq!(issued.status, 201);
}

#[tokio::test]
async fn without_randomness_nothing_is_issued_and_nothing_is_ready() {
    let store = store();
    let running = Running::with(store.clone(), |sidecar| {
        sidecar.tokens = Arc::new(TokenService::builder(store).random_source(no_randomness).build());
    });
    let root = running.issue("root", &[]).await;
    let answer = running.rest_with(&root, "POST", "", r#"{"expire":"1h"}"#).await;
    assert_eq!((answer.status, &answer.headers["retry-after"]), (503, &"1".parse().unwrap()));
    assert_eq!(answer.detail(), "this node cannot make a token just now; try again");
    let ready = running.send(Request::get("/readyz").body("".into()).unwrap()).await;
    assert_eq!(ready.status(), 503);
}
