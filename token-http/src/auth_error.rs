//! Why a request is not authenticated, and what that is over HTTP and gRPC: RFC 6750 §3, RFC 7617 §2, RFC 9457.

use http::{HeaderMap, HeaderValue, Response, StatusCode, header};
use token_core::{Reason, Scope, StoreError};

use crate::answer::{Document, ErrorRow};
use crate::credentials::CredentialsError;
use crate::realm::Realm;

/// Why a request is not let in.
#[derive(Debug, thiserror::Error)]
pub enum AuthError {
    /// It presents nothing.
    #[error("no credentials were presented")]
    NoCredentials,
    /// What it presents is malformed.
    #[error(transparent)]
    Malformed(#[from] CredentialsError),
    /// The token is not valid.
    #[error("the token is not valid: {0}")]
    Inactive(Reason),
    /// The token is live, but does not reach what is asked for.
    #[error("the token's scopes do not cover {0}")]
    NotPermitted(Scope),
    /// It could not be found out whether the token is valid.
    #[error("it could not be found out whether the token is valid")]
    CouldNotCheck(#[from] StoreError),
    /// It could not be found out which folders hold the node that the request is about.
    #[error("it could not be found out which folders hold the node")]
    AncestorsUnavailable(#[source] Box<dyn std::error::Error + Send + Sync>),
}

const NO_CREDENTIALS: &str = "send a token: as a Bearer token, or as the password of its user";
const INVALID_TOKEN: &str = "the token is not valid: it has expired, was revoked, or never was one";
const COULD_NOT_CHECK: &str = "it cannot be found out just now whether the token is valid; try again";

impl From<Reason> for AuthError {
    fn from(reason: Reason) -> Self {
        match reason {
            Reason::NotPermitted { missing } => Self::NotPermitted(missing),
            reason => Self::Inactive(reason),
        }
    }
}

impl AuthError {
    /// What it is on each surface. This is the one table: no other code decides it.
    #[must_use]
    pub fn row(&self) -> ErrorRow {
        use crate::answer::grpc::{INVALID_ARGUMENT, PERMISSION_DENIED, UNAUTHENTICATED, UNAVAILABLE};
        let row = ErrorRow::new;
        match self {
            Self::NoCredentials => {
                row(StatusCode::UNAUTHORIZED, None, UNAUTHENTICATED, NO_CREDENTIALS.into())
            }
            Self::Malformed(error) if error.is_of_no_scheme() => {
                row(StatusCode::UNAUTHORIZED, None, UNAUTHENTICATED, error.to_string().into())
            }
            Self::Malformed(error) => {
                let code = Some("invalid_request");
                row(StatusCode::BAD_REQUEST, code, INVALID_ARGUMENT, error.to_string().into())
            }
            Self::Inactive(_) => {
                row(StatusCode::UNAUTHORIZED, Some("invalid_token"), UNAUTHENTICATED, INVALID_TOKEN.into())
            }
            Self::NotPermitted(scope) => {
                let message = format!("the token's scopes do not cover {scope}");
                row(StatusCode::FORBIDDEN, Some("insufficient_scope"), PERMISSION_DENIED, message.into())
            }
            Self::CouldNotCheck(_) | Self::AncestorsUnavailable(_) => {
                row(StatusCode::SERVICE_UNAVAILABLE, None, UNAVAILABLE, COULD_NOT_CHECK.into())
            }
        }
    }

    /// The status code.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        self.row().status
    }

    /// Why, as a stable word for programs, metrics and logs. It is for the operator: the caller of a service must not
    /// learn why a token is not valid.
    ///
    /// | variant | word |
    /// |---|---|
    /// | [`NoCredentials`](Self::NoCredentials) | `no_credentials` |
    /// | [`Malformed`](Self::Malformed) | that of [`CredentialsError::code`] |
    /// | [`Inactive`](Self::Inactive), [`NotPermitted`](Self::NotPermitted) | that of [`Reason::code`] |
    /// | [`CouldNotCheck`](Self::CouldNotCheck) | that of [`StoreErrorKind::code`](token_core::StoreErrorKind::code) |
    /// | [`AncestorsUnavailable`](Self::AncestorsUnavailable) | `ancestors_not_found_out` |
    #[must_use]
    pub fn reason(&self) -> &'static str {
        match self {
            Self::NoCredentials => "no_credentials",
            Self::Malformed(error) => error.code(),
            Self::Inactive(reason) => reason.code(),
            Self::NotPermitted(_) => "not_permitted",
            Self::CouldNotCheck(error) => error.kind().code(),
            Self::AncestorsUnavailable(_) => "ancestors_not_found_out",
        }
    }

    /// The error code of RFC 6750 §3.1; none if nothing was presented, or if it is not the request that is wrong.
    #[must_use]
    pub fn code(&self) -> Option<&'static str> {
        self.row().code
    }

    /// For the caller. It does not say why a token is not valid: that is for the log.
    #[must_use]
    pub fn message(&self) -> String {
        self.row().message.into_owned()
    }

    /// The whole answer: status, challenges, and a problem document. Its extensions have the [`RefusalReason`](crate::RefusalReason).
    #[must_use]
    pub fn into_response<B: From<String>>(self, realm: &Realm) -> Response<B> {
        self.log();
        self.document(realm, self.row()).into_response()
    }

    /// The problem document of the answer, with this row instead of its own. [`log`](Self::log) it, too.
    #[must_use]
    pub fn document(&self, realm: &Realm, row: ErrorRow) -> Document {
        let mut document = Document::new(row.status, &row.message, self.reason());
        self.challenge(realm, &row, &mut document.headers);
        let document = match self {
            Self::CouldNotCheck(error) if !error.is_retryable() => document,
            Self::CouldNotCheck(_) | Self::AncestorsUnavailable(_) => document.with_retry_after(),
            _ => document,
        };
        match row.code {
            Some(code) => document.with("error", code),
            None => document,
        }
    }

    /// Adds `WWW-Authenticate`, where it belongs.
    pub fn challenge(&self, realm: &Realm, row: &ErrorRow, headers: &mut HeaderMap) {
        let mut bearer = format!("Bearer realm=\"{realm}\"");
        if let Some(code) = row.code {
            // Without the characters that RFC 6750 §3 forbids in a description.
            let description = row.message.replace('"', "'");
            bearer += &format!(", error=\"{code}\", error_description=\"{description}\"");
        }
        match self {
            Self::CouldNotCheck(_) | Self::AncestorsUnavailable(_) => {}
            _ if row.status == StatusCode::UNAUTHORIZED => {
                // In this order: nginx before 1.23 passes on only the first one, and only Basic clients wait for theirs.
                append(headers, &format!("Basic realm=\"{realm}\", charset=\"UTF-8\""));
                append(headers, &bearer);
            }
            Self::NotPermitted(scope) => append(headers, &format!("{bearer}, scope=\"{scope}\"")),
            _ => append(headers, &bearer),
        }
    }

    /// Logs what the message leaves out. [`into_response`](Self::into_response) does it, too.
    pub fn log(&self) {
        match self {
            Self::CouldNotCheck(error) => {
                let cause = std::error::Error::source(error).map(ToString::to_string);
                tracing::error!(error = %error, cause, "a token could not be validated");
            }
            Self::AncestorsUnavailable(error) => {
                tracing::error!(%error, "the folders that hold a node could not be found out")
            }
            Self::Inactive(reason) => tracing::debug!(reason = reason.code(), "refused a token"),
            Self::NotPermitted(scope) => {
                tracing::debug!(%scope, "refused a token that does not reach so far")
            }
            Self::NoCredentials | Self::Malformed(_) => {
                tracing::debug!(reason = self.reason(), "refused a request")
            }
        }
    }
}

fn append(headers: &mut HeaderMap, challenge: &str) {
    // Scopes, realms and our messages are plain ASCII, so this is always a header value.
    if let Ok(value) = HeaderValue::from_str(challenge) {
        headers.append(header::WWW_AUTHENTICATE, value);
    }
}

#[cfg(test)]
mod tests {
    use token_core::StoreErrorKind;

    use super::*;
    use crate::answer::RefusalReason;

    fn answer(error: AuthError) -> Response<String> {
        error.into_response(&Realm::default())
    }

    fn challenges(response: &Response<String>) -> Vec<&str> {
        let values = response.headers().get_all(header::WWW_AUTHENTICATE).iter();
        values.map(|value| value.to_str().unwrap()).collect()
    }

    #[test]
    fn a_request_without_credentials_gets_both_challenges() {
        let response = answer(AuthError::NoCredentials);
        assert_eq!(response.status(), 401);
        assert_eq!(
            challenges(&response),
            ["Basic realm=\"tokens\", charset=\"UTF-8\"", "Bearer realm=\"tokens\""]
        );
        assert!(!response.body().contains("\"error\""));
    }

    #[test]
    fn the_caller_does_not_learn_why_a_token_is_invalid() {
        let unknown = answer(AuthError::Inactive(Reason::NoSuchToken));
        assert_eq!(unknown.status(), 401);
        let [basic, bearer] = challenges(&unknown)[..] else { panic!("{unknown:?}") };
        assert!(bearer.starts_with("Bearer realm=\"tokens\", error=\"invalid_token\", error_description=\""));
        assert!(basic.starts_with("Basic "));
        let wrong = answer(AuthError::Inactive(Reason::WrongSubject));
        assert_eq!((wrong.body(), challenges(&wrong)), (unknown.body(), challenges(&unknown)));
    }

    #[test]
    fn the_answer_to_a_token_without_a_scope_names_the_scope() {
        let scope = "node:6f9619ff-8b86-d011-b42d-00cf4fc964ff:r";
        let response = answer(Reason::NotPermitted { missing: scope.parse().unwrap() }.into());
        assert_eq!(response.status(), 403);
        let [challenge] = challenges(&response)[..] else { panic!("{response:?}") };
        assert!(challenge.contains("error=\"insufficient_scope\""), "{challenge}");
        assert!(challenge.ends_with(&format!("scope=\"{scope}\"")), "{challenge}");
    }

    #[test]
    fn a_store_that_cannot_be_asked_is_503_without_a_challenge() {
        let error = |kind| AuthError::CouldNotCheck(StoreError::new(kind, "hidden"));
        let response = answer(error(StoreErrorKind::TimedOut));
        assert_eq!((response.status().as_u16(), challenges(&response).len()), (503, 0));
        assert_eq!(response.headers()[header::RETRY_AFTER], "1");
        assert!(!response.body().contains("hidden"));
        let for_good = answer(error(StoreErrorKind::Corrupt));
        assert_eq!((for_good.status().as_u16(), for_good.headers().get(header::RETRY_AFTER)), (503, None));
    }

    #[test]
    fn a_malformed_request_is_400_and_says_what_to_send() {
        for error in [CredentialsError::Several, CredentialsError::NoToken, CredentialsError::InUrl] {
            let response = answer(error.into());
            assert_eq!(response.status(), 400);
            assert_eq!(response.extensions().get(), Some(&RefusalReason(error.code())));
            assert!(challenges(&response)[0].contains("error=\"invalid_request\""));
            assert_eq!(challenges(&response)[0].matches('"').count(), 6, "quotes are balanced: {response:?}");
        }
    }

    #[test]
    fn every_refusal_is_a_problem_document_that_no_cache_stores() {
        let response = answer(AuthError::NoCredentials);
        assert_eq!(response.headers()[header::CONTENT_TYPE], "application/problem+json");
        assert_eq!(response.headers()[header::CACHE_CONTROL], "no-store");
        let problem: serde_json::Value = serde_json::from_str(response.body()).unwrap();
        assert_eq!((&problem["status"], &problem["title"]), (&401.into(), &"Unauthorized".into()));
    }
}
