//! A store that is in trouble: what is done and not confirmed is told, and what could not be done is 503.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use serde_json::json;
use token_core::spi::{MemoryStore, TokenStore, Validating};
use token_core::{
    Committed, Confirmation, ConfirmationLevel, Grant, IdempotencyKey, IssueRequest, KeyRing, Listing, Mode,
    Once, ParsedToken, Requirement, Revocation, RevokeOutcome, StoreError, StoreErrorKind, Subject, TokenId,
    TokenState, TokenStatus,
};

use token_server::Limits;

use crate::kit::*;

/// A store whose replica is down, and which can be told to fail at all but validating, or to hang at that.
struct Troubled {
    store: MemoryStore,
    failing: Option<StoreErrorKind>,
    /// Whether validations never end.
    hanging: bool,
}

impl Troubled {
    fn running(failing: Option<StoreErrorKind>) -> Running {
        Running::on(Arc::new(Self { failing, ..Self::well() }))
    }

    fn hanging(limits: Limits) -> Running {
        Running::within(limits, Arc::new(Self { hanging: true, ..Self::well() }))
    }

    fn well() -> Self {
        Self { store: MemoryStore::new(Arc::new(KeyRing::public())), failing: None, hanging: false }
    }

    fn trouble(&self) -> Result<(), StoreError> {
        self.failing.map_or(Ok(()), |kind| Err(StoreError::new(kind, "hidden")))
    }
}

fn unconfirmed<T>(change: Committed<T>) -> Committed<T> {
    let level = ConfirmationLevel::Replicated;
    Committed { confirmation: Confirmation { level, expected: 1, reached: 0, reason: None }, ..change }
}

#[async_trait]
impl TokenStore for Troubled {
    fn keys(&self) -> &Arc<KeyRing> {
        self.store.keys()
    }
    async fn issue(&self, id: TokenId, request: &IssueRequest) -> Result<Committed<Grant>, StoreError> {
        // Whoever asks needs a token to begin with.
        if request.issuer.is_some() {
            self.trouble()?;
        }
        self.store.issue(id, request).await.map(unconfirmed)
    }
    async fn issue_once(
        &self,
        id: TokenId,
        request: &IssueRequest,
        key: &IdempotencyKey,
    ) -> Result<Once<Committed<Grant>>, StoreError> {
        self.trouble()?;
        Ok(match self.store.issue_once(id, request, key).await? {
            Once::Issued(change) => Once::Issued(unconfirmed(change)),
            other => other,
        })
    }
    async fn confirm(&self, id: TokenId) -> Result<Committed<TokenState>, StoreError> {
        self.trouble()?;
        self.store.confirm(id).await.map(unconfirmed)
    }
    fn validate<'a>(
        &'a self,
        token: ParsedToken,
        requirement: &'a Requirement,
        mode: Mode,
    ) -> Validating<'a> {
        if self.hanging {
            return Box::pin(std::future::pending());
        }
        self.store.validate(token, requirement, mode)
    }
    async fn show(&self, id: TokenId) -> Result<TokenStatus, StoreError> {
        self.trouble()?;
        self.store.show(id).await
    }
    async fn list(&self, subject: &Subject) -> Result<Listing, StoreError> {
        self.trouble()?;
        self.store.list(subject).await
    }
    async fn revoke(&self, id: TokenId, why: &Revocation) -> Result<Committed<RevokeOutcome>, StoreError> {
        self.trouble()?;
        self.store.revoke(id, why).await.map(unconfirmed)
    }
    async fn revoke_subject(
        &self,
        user: &Subject,
        why: &Revocation,
    ) -> Result<Committed<Vec<TokenId>>, StoreError> {
        self.trouble()?;
        self.store.revoke_subject(user, why).await.map(unconfirmed)
    }
    async fn prune(&self) -> Result<u64, StoreError> {
        self.store.prune().await
    }
}

#[tokio::test]
async fn an_unconfirmed_revocation_is_202_and_not_200() {
    let running = Troubled::running(None);
    let (root, ci) = (running.issue("root", &[]).await, running.issue("ci", &[]).await);
    for path in [format!("/{}", ci.grant.id), "?user=ci".into()] {
        let answer = running.rest(&root, "DELETE", &path).await;
        assert_eq!(
            (answer.status, &answer.json["confirmation"]["confirmed"]),
            (202, &json!(false)),
            "{path}"
        );
        assert_eq!(answer.json["confirmation"]["expected"], json!(1));
    }
}

/// RFC 7009: whoever is told 503 tries again. What is not confirmed by then must not be taken for confirmed.
#[tokio::test]
async fn each_repeat_of_an_unconfirmed_revocation_by_a_holder_is_503() {
    let running = Troubled::running(None);
    let (caller, own) = (running.issue("ci", &[]).await, running.issue("ci", &[]).await);
    let form = format!("token={}", own.token.expose_secret());
    for _ in 0..2 {
        let answer = running.post("/revoke", &caller, &form).await;
        assert_eq!((answer.status().as_u16(), answer.headers().contains_key("retry-after")), (503, true));
    }
}

#[tokio::test]
async fn an_unconfirmed_token_is_issued_and_marked_as_unconfirmed() {
    let running = Troubled::running(None);
    let root = running.issue("root", &[]).await;
    let answer = running.rest_with(&root, "POST", "", r#"{"expire":"1h"}"#).await;
    assert_eq!((answer.status, &answer.json["confirmation"]["confirmed"]), (201, &json!(false)));
    assert!(running.counts(answer.text("token")).await);
    let confirm = format!("/{}/confirm", answer.text("id"));
    let answer = running.rest(&root, "POST", &confirm).await;
    assert_eq!((answer.status, &answer.json["confirmation"]["confirmed"]), (202, &json!(false)));
}

#[tokio::test]
async fn a_store_failure_is_503_and_says_whether_to_try_again() {
    for (kind, again) in [
        (StoreErrorKind::Unavailable, true),
        (StoreErrorKind::TimedOut, true),
        (StoreErrorKind::Contended, true),
        (StoreErrorKind::Full, false),
        (StoreErrorKind::Corrupt, false),
        (StoreErrorKind::Conflict, false),
        (StoreErrorKind::LoginRefused, false),
        (StoreErrorKind::Denied, false),
    ] {
        let running = Troubled::running(Some(kind));
        let root = running.issue("root", &[]).await;
        let one = format!("/{}", root.grant.id);
        let confirm = format!("{one}/confirm");
        for (method, path, body) in [
            ("POST", "", r#"{"expire":"1h"}"#),
            ("GET", "", ""),
            ("GET", &one, ""),
            ("DELETE", &one, ""),
            ("POST", &confirm, ""),
            ("DELETE", "?user=root", ""),
        ] {
            let answer = running.rest_with(&root, method, path, body).await;
            assert_eq!(answer.status, 503, "{method} {path} {kind:?}");
            assert_eq!(answer.headers.contains_key("retry-after"), again, "{method} {path} {kind:?}");
            assert!(!answer.json.to_string().contains("hidden"), "{answer:?}");
        }
    }
}

#[tokio::test]
async fn a_token_that_ends_while_it_issues_does_not_count() {
    let running = Troubled::running(Some(StoreErrorKind::ParentGone));
    let caller = running.issue("ci", &[]).await;
    let answer = running.rest_with(&caller, "POST", "", r#"{"expire":"1h"}"#).await;
    assert_eq!((answer.status, answer.text("error")), (401, "invalid_token"));
    assert!(answer.headers.contains_key("www-authenticate"));
}

#[tokio::test(start_paused = true)]
async fn a_request_that_takes_too_long_is_503_with_retry_after() {
    let running = Troubled::hanging(Limits::default());
    let bearer = bearer(&running.issue("ci", &[]).await);
    let began = tokio::time::Instant::now();
    for path in ["/auth", "/auth/files", "/v1/tokens"] {
        let headers = [("authorization", bearer.as_str())];
        let asked = running.auth(path, &headers);
        let answer = tokio::time::timeout(Duration::from_secs(60), asked).await.expect(path);
        assert_eq!((answer.status().as_u16(), answer.headers().contains_key("retry-after")), (503, true));
    }
    assert_eq!(began.elapsed().as_secs(), 3 * Limits::default().time.as_secs());
}

#[tokio::test(start_paused = true)]
async fn requests_beyond_the_limit_are_503_but_probes_are_answered() {
    let running = Troubled::hanging(Limits { at_once: 1, ..Limits::default() });
    let bearer = bearer(&running.issue("ci", &[]).await);
    let headers = [("authorization", bearer.as_str())];
    for path in ["/auth", "/v1/tokens"] {
        let mut at_work = std::pin::pin!(running.auth(path, &headers));
        tokio::select! {
            biased;
            _ = &mut at_work => panic!("{path} hangs"),
            () = tokio::task::yield_now() => {}
        }
        for path in ["/auth", "/auth/files", "/v1/tokens"] {
            let answer = running.auth(path, &headers).await;
            assert_eq!(answer.status(), 503, "{path}");
            assert!(answer.body().contains("too many requests at once"), "{path}: {}", answer.body());
        }
        assert_eq!(running.auth("/healthz", &[]).await.status(), 200);
        assert_eq!(running.auth("/metrics", &[]).await.status(), 200);
    }
    let nobody = running.auth("/auth", &[]).await;
    assert_eq!(nobody.status(), 401, "a request that is given up leaves its place");
}
