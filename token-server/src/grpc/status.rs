//! Errors as gRPC statuses, by the table in [`error`](crate::error).

use tonic::{Code, Status};

use crate::error::ApiError;

/// The log gets the cause, the caller a message.
impl From<ApiError> for Status {
    fn from(error: ApiError) -> Self {
        error.log();
        let row = error.row();
        Self::new(Code::from(row.grpc), row.message)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use token_http::AuthError;
    use token_http::Realm;

    #[test]
    fn a_caller_whose_token_ended_meanwhile_is_unauthenticated() {
        let ended = AuthError::Inactive(token_core::Reason::NoSuchToken);
        assert_eq!(Status::from(ApiError::Refused(ended, Realm::default())).code(), Code::Unauthenticated);
    }
}
