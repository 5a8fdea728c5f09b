//! Everything that is not the answer asked for: problem documents (RFC 9457), never cached.

use axum::body::Body;
use axum::response::IntoResponse;
use http::{HeaderValue, Response, StatusCode, header};
use serde_json::{Value, json};
use token_core::{RandomnessError, StoreError, StoreErrorKind, Tombstone};

use super::declared::without_secrets;
use super::demands::DemandError;
use crate::refusal::{RETRY_AFTER, Realm, Refusal, RefusalReason};

/// Why there is no other answer.
#[derive(Debug)]
pub(super) enum Problem {
    /// The caller is not let in.
    Refused(Refusal, Realm),
    /// The request does not come through a proxy.
    Stopped(Refusal, Realm),
    /// What the proxy demands cannot be read: nothing comes through.
    Demand(DemandError),
    /// The caller is known, and may not do this.
    Forbidden(&'static str),
    /// Not now: a stable word for logs, and a sentence.
    NotNow(&'static str, &'static str),
    /// The request is wrong: a code of RFC 6749 §5.2 where one fits, and a sentence.
    Wrong(StatusCode, &'static str, String),
    /// There is nothing there, or nothing that the caller may know of.
    NotFound(&'static str),
    /// The token was revoked.
    Revoked(Box<Tombstone>),
    /// The store could not be asked, or could not do it.
    Store(StoreError),
}

impl Problem {
    /// What is wrong with a request. What the sentence repeats of it is no token.
    pub(super) fn bad_request(sentence: impl Into<String>) -> Self {
        let sentence = without_secrets(&sentence.into()).into_owned();
        Self::Wrong(StatusCode::BAD_REQUEST, "invalid_request", sentence)
    }

    /// The same for what does not exist and for what the caller may not know of.
    pub(super) fn no_such_token() -> Self {
        Self::NotFound("there is no such token: never issued here, expired, or revoked too long ago")
    }

    /// An idempotency key has issued something else (draft-ietf-httpapi-idempotency-key-header §2.7).
    pub(super) fn key_of_another_request() -> Self {
        let sentence =
            "the idempotency key was used for another request within the last 24 hours; use a new one";
        Self::Wrong(StatusCode::UNPROCESSABLE_ENTITY, "invalid_request", sentence.into())
    }

    pub(super) fn randomness(error: RandomnessError) -> Self {
        Self::Store(StoreError::new(StoreErrorKind::Unavailable, error.to_string()))
    }
}

/// Where an operator looks, it says what to change; the client learns that much less.
impl From<DemandError> for Problem {
    fn from(error: DemandError) -> Self {
        match error.is_of_header() {
            // A client can send it, too.
            true => {
                tracing::warn!(reason = error.code(), %error, "refused a request whose header X-Token-Needs cannot be read")
            }
            false => {
                tracing::warn!(reason = error.code(), %error, "refused a request to a proxy whose demands cannot be read")
            }
        }
        Self::Demand(error)
    }
}

impl Problem {
    /// Below `/auth/` the query may be the client's own as well as the proxy's.
    pub(super) fn demand_of_either(error: DemandError) -> Self {
        tracing::warn!(
            reason = error.code(), %error,
            "refused a request below /auth/ with an unreadable demand in its URL; the proxy or its client sends it"
        );
        Self::Demand(error)
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl Problem {
    /// Why, as a stable word for logs.
    fn reason(&self) -> &'static str {
        match self {
            Self::Refused(refusal, _) | Self::Stopped(refusal, _) => refusal.reason(),
            Self::Demand(error) => error.code(),
            Self::Forbidden(_) => "access_denied",
            Self::NotNow(reason, _) => reason,
            Self::Wrong(_, code, _) => code,
            Self::NotFound(_) => "not_found",
            Self::Revoked(_) => "revoked",
            Self::Store(error) => error.kind().code(),
        }
    }

    /// The whole answer. Its extensions have the [`RefusalReason`].
    pub(super) fn answer<B: From<String>>(self) -> Response<B> {
        let reason = RefusalReason(self.reason());
        let mut response = self.respond();
        response.extensions_mut().insert(reason);
        response
    }

    fn respond<B: From<String>>(self) -> Response<B> {
        match self {
            Self::Refused(refusal, realm) => refusal.into_response(&realm),
            Self::Stopped(refusal, realm) => refusal.for_proxy(&realm),
            Self::Demand(_) => document(StatusCode::FORBIDDEN, "access_denied", UNREADABLE_DEMAND),
            Self::Forbidden(sentence) => document(StatusCode::FORBIDDEN, "access_denied", sentence),
            Self::NotNow(_, sentence) => {
                let mut response =
                    document(StatusCode::SERVICE_UNAVAILABLE, "temporarily_unavailable", sentence);
                response.headers_mut().insert(header::RETRY_AFTER, RETRY_AFTER);
                response
            }
            Self::Wrong(status, code, sentence) => document(status, code, &sentence),
            Self::NotFound(sentence) => document(StatusCode::NOT_FOUND, "not_found", sentence),
            Self::Revoked(tombstone) => revoked(&tombstone),
            Self::Store(error) => store(&error),
        }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response<Body> {
        self.answer()
    }
}

/// What a client is told of demands that cannot be read; what is wrong with them is for the log.
pub(super) const UNREADABLE_DEMAND: &str = "what is demanded of the token cannot be read; \
     the log of the token server says what is wrong";

/// With the members that OAuth 2 clients look for (RFC 6749 §5.2).
fn document<B: From<String>>(status: StatusCode, code: &str, sentence: &str) -> Response<B> {
    respond(status, members(status, code, sentence))
}

fn members(status: StatusCode, code: &str, sentence: &str) -> Value {
    json!({
        "type": "about:blank",
        "title": status.canonical_reason(),
        "status": status.as_u16(),
        "detail": sentence,
        "error": code,
        "error_description": sentence,
    })
}

fn respond<B: From<String>>(status: StatusCode, problem: Value) -> Response<B> {
    let mut response = Response::new(problem.to_string().into());
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// With what is left of the token.
fn revoked<B: From<String>>(tombstone: &Tombstone) -> Response<B> {
    let mut problem = members(StatusCode::GONE, "revoked", "the token was revoked");
    if let Some(problem) = problem.as_object_mut() {
        problem.insert("tombstone".into(), json!(tombstone));
    }
    respond(StatusCode::GONE, problem)
}

/// The caller learns whether trying again can help; what went wrong is for the log.
fn store<B: From<String>>(error: &StoreError) -> Response<B> {
    let cause = std::error::Error::source(error).map(ToString::to_string);
    tracing::error!(%error, cause, "the store did not do what it was asked");
    let sentence = match error.kind() {
        StoreErrorKind::Full => "the store has no room for another token",
        StoreErrorKind::Corrupt => {
            "this node cannot read what the store keeps of the token; the log says why"
        }
        _ if error.is_retryable() => "the store could not be asked, or has not confirmed it; try again",
        _ => "the store could not do it; whoever runs it finds the cause in the log",
    };
    let mut response = document(StatusCode::SERVICE_UNAVAILABLE, "temporarily_unavailable", sentence);
    if error.is_retryable() {
        response.headers_mut().insert(header::RETRY_AFTER, RETRY_AFTER);
    }
    response
}

pub(super) async fn not_found() -> Problem {
    Problem::NotFound("there is nothing at this path")
}

/// The router adds `Allow`.
pub(super) async fn method_not_allowed() -> Problem {
    let sentence = "this path does not take the method of the request; Allow lists those that it takes";
    Problem::Wrong(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", sentence.into())
}
