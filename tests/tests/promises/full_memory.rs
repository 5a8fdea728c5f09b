//! Full memory stops neither validation nor revocation; an issue is refused cleanly.

use token_core::spi::TokenStore;
use token_core::{Lifetime, Requirement, Revocation, RevokeOutcome, StoreErrorKind};
use token_tests::servers::Standalone;

use crate::kit::{issue, span, tokens_at};

#[tokio::test]
async fn a_full_server_validates_and_revokes_and_refuses_to_issue() {
    let server = Standalone::start_with(&["--maxmemory-policy", "noeviction"]).await;
    let tokens = tokens_at(&server.url()).await;
    let used = issue(&tokens, "admin", Lifetime::sliding(span("10m"))).await;
    let revoked = issue(&tokens, "admin", Lifetime::hard(span("1h"))).await;
    server.command::<()>(&["CONFIG", "SET", "maxmemory", "1mb"]).await;

    let request = token_core::IssueRequest::new(
        "admin".parse().unwrap(),
        token_core::Access::Full,
        Lifetime::hard(span("1h")),
    );
    let full = tokens.issue(&request).await.unwrap_err().into_store().unwrap();
    assert_eq!(full.kind(), StoreErrorKind::Full, "{full:?}");

    assert!(
        tokens.validate(used.token.expose_secret(), &Requirement::any()).await.unwrap().grant().is_some()
    );
    let outcome = tokens.store().revoke(revoked.grant.id, &Revocation::default()).await.unwrap().outcome;
    assert_eq!(outcome, RevokeOutcome::Revoked);
    assert!(
        tokens.validate(revoked.token.expose_secret(), &Requirement::any()).await.unwrap().grant().is_none()
    );
    let user = "admin".parse().unwrap();
    assert_eq!(tokens.store().list(&user).await.unwrap().grants.len(), 1);
    assert_eq!(
        tokens.store().revoke_subject(&user, &Revocation::default()).await.unwrap().outcome,
        [used.grant.id]
    );
}
