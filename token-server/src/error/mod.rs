//! Everything that is not the answer asked for, on every surface.
//!
//! What an error is over HTTP, OAuth 2 and gRPC stands in one place: [`row`](ApiError::row).

mod grpc;
mod row;

use axum::body::Body;
use axum::response::IntoResponse;
use http::{Response, StatusCode};
use serde_json::json;
use token_core::{IssueDenied, RandomnessError, ServiceError, StoreError, Tombstone};

pub(crate) use self::row::Fault;
use crate::request::declared::without_secrets;
use crate::request::requirements::RequirementError;
use token_http::AuthError;
use token_http::Realm;
use token_http::answer::Document;

/// Why there is no other answer.
#[derive(Debug)]
pub(crate) enum ApiError {
    /// The caller is not authenticated.
    Refused(AuthError, Realm),
    /// The request does not come through a proxy.
    Stopped(AuthError, Realm),
    /// What the proxy requires cannot be read: nothing comes through.
    Requirement(RequirementError),
    /// The caller is known, and may not do this.
    Forbidden(&'static str),
    /// The issue policy does not allow it.
    Denied(IssueDenied),
    /// Not now: a stable word for logs, and a message.
    NotNow(&'static str, &'static str),
    /// The request is wrong: in which way, and a message.
    Wrong(Fault, String),
    /// There is nothing there, or nothing that the caller may know of.
    NotFound(&'static str),
    /// The token was revoked.
    Revoked(Box<Tombstone>),
    /// The change is done, and not confirmed.
    Unconfirmed,
    /// There is no randomness to make a token of.
    Randomness(RandomnessError),
    /// The store could not be asked, or could not do it.
    Store(StoreError),
}

impl ApiError {
    /// What is wrong with a request. What the message repeats of it is no token.
    pub(crate) fn bad_request(message: impl Into<String>) -> Self {
        Self::Wrong(Fault::Malformed, without_secrets(&message.into()).into_owned())
    }

    /// The same for what does not exist and for what the caller may not know of.
    pub(crate) fn no_such_token() -> Self {
        Self::NotFound("there is no such token: never issued here, expired, or revoked too long ago")
    }

    /// An idempotency key has issued something else (draft-ietf-httpapi-idempotency-key-header §2.7).
    pub(crate) fn key_of_another_request() -> Self {
        let message =
            "the idempotency key was used for another request within the last 24 hours; use a new one";
        Self::Wrong(Fault::KeyReused, message.into())
    }

    /// Below `/auth/` the query may be the client's own as well as the proxy's.
    pub(crate) fn requirement_of_either(error: RequirementError) -> Self {
        tracing::warn!(
            reason = error.code(), %error,
            "refused a request below /auth/ with an unreadable demand in its URL; the proxy or its client sends it"
        );
        Self::Requirement(error)
    }
}

/// Where an operator looks, it says what to change; the client learns that much less.
impl From<RequirementError> for ApiError {
    fn from(error: RequirementError) -> Self {
        match error.is_of_header() {
            // A client can send it, too.
            true => {
                tracing::warn!(reason = error.code(), %error, "refused a request whose header X-Token-Needs cannot be read")
            }
            false => {
                tracing::warn!(reason = error.code(), %error, "refused a request to a proxy whose demands cannot be read")
            }
        }
        Self::Requirement(error)
    }
}

impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl From<ServiceError> for ApiError {
    fn from(error: ServiceError) -> Self {
        match error {
            ServiceError::Denied(denied) => Self::Denied(denied),
            ServiceError::Randomness(error) => Self::Randomness(error),
            ServiceError::Store(error) => Self::Store(error),
        }
    }
}

impl ApiError {
    /// Logs what the message leaves out.
    pub(crate) fn log(&self) {
        let cause = |error: &dyn std::error::Error| error.source().map(ToString::to_string);
        match self {
            Self::Refused(error, _) | Self::Stopped(error, _) => error.log(),
            Self::Randomness(error) => {
                tracing::error!(%error, cause = cause(error), "no token could be made");
            }
            Self::Store(error) => {
                tracing::error!(%error, cause = cause(error), "the store did not do what it was asked");
            }
            _ => {}
        }
    }

    /// Whether the same request may succeed a little later.
    fn is_retryable(&self) -> bool {
        match self {
            Self::NotNow(..) | Self::Unconfirmed | Self::Randomness(_) => true,
            Self::Store(error) => error.is_retryable(),
            _ => false,
        }
    }

    /// The status over HTTP.
    pub(crate) fn status(&self) -> StatusCode {
        self.row().status
    }

    /// The problem document of the answer, which says why. It is logged here.
    pub(crate) fn document(&self) -> Document {
        self.log();
        let row = self.row();
        let document = match self {
            Self::Refused(error, realm) | Self::Stopped(error, realm) => return error.document(realm, row),
            _ => Document::new(row.status, &row.message, self.reason()),
        };
        // With the members that OAuth 2 clients look for (RFC 6749 §5.2).
        let document = document.with("error", row.code).with("error_description", &*row.message);
        match self {
            // With what is left of the token.
            Self::Revoked(tombstone) => document.with("tombstone", json!(tombstone)),
            _ if self.is_retryable() => document.with_retry_after(),
            _ => document,
        }
    }

    /// The whole answer. Its extensions have the [`RefusalReason`](token_http::RefusalReason).
    pub(crate) fn answer<B: From<String>>(&self) -> Response<B> {
        self.document().into_response()
    }
}

impl From<ApiError> for Response<Body> {
    fn from(error: ApiError) -> Self {
        error.answer()
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response<Body> {
        self.answer()
    }
}

pub(crate) async fn not_found() -> ApiError {
    ApiError::NotFound("there is nothing at this path")
}

/// The router adds `Allow`.
pub(crate) async fn method_not_allowed() -> ApiError {
    let message = "this path does not take the method of the request; Allow lists those that it takes";
    ApiError::Wrong(Fault::Method, message.into())
}
