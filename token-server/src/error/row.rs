//! The table of errors: what each is over HTTP, for OAuth 2 clients, over gRPC, and in the access log.

use http::StatusCode;
use token_core::StoreErrorKind;

use token_http::answer::ErrorRow;

use super::{ApiError, grpc};

/// What is wrong with a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// It cannot be read.
    Malformed,
    /// Its path does not take its method.
    Method,
    /// It, or its body, did not come in time.
    TooSlow,
    /// Its body is too long.
    BodyTooLong,
    /// Its body is of another media type, or encoded.
    MediaType,
    /// Its URL is too long.
    UrlTooLong,
    /// Its head is too long.
    HeadTooLong,
    /// It needs what this server does not do: a tunnel, or an unknown transfer coding.
    NotImplemented,
    /// Its idempotency key is of another request.
    KeyReused,
}

impl Fault {
    pub(crate) fn status(self) -> StatusCode {
        match self {
            Self::Malformed => StatusCode::BAD_REQUEST,
            Self::Method => StatusCode::METHOD_NOT_ALLOWED,
            Self::TooSlow => StatusCode::REQUEST_TIMEOUT,
            Self::BodyTooLong => StatusCode::PAYLOAD_TOO_LARGE,
            Self::MediaType => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::UrlTooLong => StatusCode::URI_TOO_LONG,
            Self::HeadTooLong => StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
            Self::NotImplemented => StatusCode::NOT_IMPLEMENTED,
            Self::KeyReused => StatusCode::UNPROCESSABLE_ENTITY,
        }
    }

    /// A stable word for logs.
    fn reason(self) -> &'static str {
        match self {
            Self::Malformed => "invalid_request",
            Self::Method => "method_not_allowed",
            Self::TooSlow => "too_slow",
            Self::BodyTooLong => "body_too_long",
            Self::MediaType => "unsupported_media_type",
            Self::UrlTooLong => "url_too_long",
            Self::HeadTooLong => "head_too_long",
            Self::NotImplemented => "not_implemented",
            Self::KeyReused => "idempotency_key_reused",
        }
    }

    /// The error code for the client.
    fn code(self) -> &'static str {
        match self {
            Self::Method => "method_not_allowed",
            _ => "invalid_request",
        }
    }
}

/// Requirements that cannot be read; what is wrong with them is for the log.
const UNREADABLE_REQUIREMENT: &str = "what is demanded of the token cannot be read; \
     the log of the token server says what is wrong";
const UNCONFIRMED: &str = "it is done, but not confirmed by all replicas yet; try again";
const NO_RANDOMNESS: &str = "this node cannot make a token just now; try again";

impl ApiError {
    /// What it is on each surface. This is the one table: no other code decides it.
    pub(crate) fn row(&self) -> ErrorRow {
        let row = |status, code, grpc, message| ErrorRow::new(status, Some(code), grpc, message);
        let forbidden =
            |message| row(StatusCode::FORBIDDEN, "access_denied", grpc::PERMISSION_DENIED, message);
        let later = |grpc, message: &'static str| {
            row(StatusCode::SERVICE_UNAVAILABLE, "temporarily_unavailable", grpc, message.into())
        };
        match self {
            Self::Refused(error, _) => error.row(),
            Self::Stopped(error, _) => for_proxy(error.row()),
            Self::Requirement(_) => forbidden(UNREADABLE_REQUIREMENT.into()),
            Self::Forbidden(message) => forbidden((*message).into()),
            Self::Denied(denied) => forbidden(denied.to_string().into()),
            Self::Wrong(fault, message) => {
                row(fault.status(), fault.code(), grpc::INVALID_ARGUMENT, message.clone().into())
            }
            Self::NotFound(message) => {
                row(StatusCode::NOT_FOUND, "not_found", grpc::NOT_FOUND, (*message).into())
            }
            Self::Revoked(_) => {
                row(StatusCode::GONE, "revoked", grpc::NOT_FOUND, "the token was revoked".into())
            }
            Self::NotNow(_, message) => later(grpc::UNAVAILABLE, message),
            Self::Unconfirmed => later(grpc::UNAVAILABLE, UNCONFIRMED),
            Self::Randomness(_) => later(grpc::UNAVAILABLE, NO_RANDOMNESS),
            Self::Store(error) => match error.kind() {
                StoreErrorKind::Unavailable => {
                    later(grpc::UNAVAILABLE, "the store could not be asked; try again")
                }
                StoreErrorKind::TimedOut => later(
                    grpc::DEADLINE_EXCEEDED,
                    "the store did not answer in time; a change may be done or not; try again",
                ),
                StoreErrorKind::Contended | StoreErrorKind::Conflict => {
                    later(grpc::ABORTED, "others changed the same meanwhile; try again")
                }
                StoreErrorKind::Full => {
                    later(grpc::RESOURCE_EXHAUSTED, "the store has no room for another token")
                }
                StoreErrorKind::Corrupt => later(
                    grpc::DATA_LOSS,
                    "this node cannot read what the store keeps of the token; the log says why",
                ),
                _ => later(
                    grpc::INTERNAL,
                    "the store could not do it; its operator finds the cause in the log",
                ),
            },
        }
    }

    /// Why, as a stable word for logs.
    pub(crate) fn reason(&self) -> &'static str {
        match self {
            Self::Refused(error, _) | Self::Stopped(error, _) => error.reason(),
            Self::Requirement(error) => error.code(),
            Self::Forbidden(_) => "access_denied",
            Self::Denied(_) => "policy",
            Self::NotNow(reason, _) => reason,
            Self::Wrong(fault, _) => fault.reason(),
            Self::NotFound(_) => "not_found",
            Self::Revoked(_) => "revoked",
            Self::Unconfirmed => "unconfirmed",
            Self::Randomness(_) => "no_randomness",
            Self::Store(error) => error.kind().code(),
        }
    }
}

/// The same for a proxy that knows no refusals but 401 and 403: a malformed request is 401, too.
fn for_proxy(row: ErrorRow) -> ErrorRow {
    let status = match row.status {
        StatusCode::BAD_REQUEST => StatusCode::UNAUTHORIZED,
        status => status,
    };
    ErrorRow { status, ..row }
}

#[cfg(test)]
mod tests {
    use token_core::{IssueDenied, RandomnessError, Reason, StoreError};

    use super::*;
    use token_http::AuthError;

    fn of_store(kind: StoreErrorKind) -> ErrorRow {
        ApiError::Store(StoreError::new(kind, "redis://admin:password@10.0.0.1")).row()
    }

    #[test]
    fn a_store_error_says_over_grpc_whether_to_try_again() {
        for (kind, code) in [
            (StoreErrorKind::Unavailable, 14),
            (StoreErrorKind::TimedOut, 4),
            (StoreErrorKind::Contended, 10),
            (StoreErrorKind::Conflict, 10),
            (StoreErrorKind::Full, 8),
            (StoreErrorKind::Corrupt, 15),
            (StoreErrorKind::LoginRefused, 13),
            (StoreErrorKind::Denied, 13),
            (StoreErrorKind::Misconfigured, 13),
        ] {
            let row = of_store(kind);
            assert_eq!((row.grpc, row.status.as_u16()), (code, 503), "{kind:?}");
            assert!(!row.message.contains("password"), "{}", row.message);
        }
    }

    #[test]
    fn no_surface_takes_could_not_check_for_no() {
        let error = StoreError::new(StoreErrorKind::TimedOut, "hidden");
        let row = ApiError::Refused(AuthError::CouldNotCheck(error), Default::default()).row();
        assert_eq!((row.status.as_u16(), row.code, row.grpc), (503, None, 14));
        let row = ApiError::Refused(AuthError::Inactive(Reason::NoSuchToken), Default::default()).row();
        assert_eq!((row.status.as_u16(), row.code, row.grpc), (401, Some("invalid_token"), 16));
    }

    #[test]
    fn a_request_that_the_policy_denies_is_forbidden() {
        let row = ApiError::Denied(IssueDenied::new("a token lives an hour at most")).row();
        assert_eq!((row.status.as_u16(), row.code, row.grpc), (403, Some("access_denied"), 7));
        assert_eq!(row.message, "nothing was issued: a token lives an hour at most");
    }

    #[test]
    fn a_node_without_randomness_asks_to_try_again() {
        let answer = ApiError::Randomness(RandomnessError::new("hidden")).answer::<String>();
        assert_eq!(
            (answer.status().as_u16(), &answer.headers()["retry-after"]),
            (503, &"1".parse().unwrap())
        );
        assert!(!answer.body().contains("hidden"));
    }
}
