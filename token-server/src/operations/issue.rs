//! Issuing tokens.

use token_core::{
    IdempotencyKey, IssueRequest, Issued, Label, Once, Parent, Reason, ServiceError, StoreErrorKind, Subject,
};

use super::policy::{Action, Decision};
use super::{Caller, refused};
use crate::error::ApiError;
use token_http::AuthError;

/// A token that was issued.
#[derive(Debug)]
pub(crate) struct Created {
    pub(crate) issued: Issued,
    /// Whether it lives shorter than was asked for, since it would have exceeded the token that issued it.
    pub(crate) shortened: bool,
}

impl Caller<'_> {
    /// Issues a token: to any user for administrators, else to the caller, within what their own token allows. Of all
    /// requests with one idempotency key, one issues a token.
    pub(crate) async fn issue(
        &self,
        mut request: IssueRequest,
        key: Option<&IdempotencyKey>,
    ) -> Result<Once<Created>, ApiError> {
        self.expect_no_token("user", Some(request.subject.as_str()))?;
        self.expect_no_token("label", request.label.as_ref().map(Label::as_str))?;
        request.issuer = self.actor();
        request.parent = self.parent(&request.subject)?;
        self.admitted().await?;
        let once = match key {
            Some(key) => self.tokens().issue_once(&request, key).await,
            None => self.tokens().issue(&request).await.map(Once::Issued),
        };
        let (user, by) = (&request.subject, self.subject());
        match once.map_err(|error| self.not_issued(error))? {
            Once::Issued(issued) => {
                self.notes().about(issued.grant.id);
                tracing::info!(id = %issued.grant.id, %user, %by, "issued a token");
                let shortened = issued.grant.deadlines != request.lifetime.starting(issued.grant.issued_at);
                Ok(Once::Issued(Created { issued, shortened }))
            }
            Once::Repeated(repeated) => {
                self.notes().about(repeated.id);
                tracing::info!(id = %repeated.id, %user, %by, "issued no second token for an idempotency key");
                Ok(Once::Repeated(repeated))
            }
            Once::Mismatched => Err(ApiError::key_of_another_request()),
        }
    }

    /// The token that one for this user must not exceed, if there is one.
    fn parent(&self, user: &Subject) -> Result<Option<Parent>, ApiError> {
        match self.decide(&Action::Issue(user)) {
            Decision::Granted => Ok(None),
            Decision::WithinParent => Parent::of(self.grant()).map(Some).ok_or_else(ApiError::no_such_token),
            other => Err(refused(other)),
        }
    }

    /// Where the caller's token has ended since it was let in, it does not count.
    fn not_issued(&self, error: ServiceError) -> ApiError {
        match error {
            ServiceError::Store(error) if error.kind() == StoreErrorKind::ParentGone => {
                self.refused(AuthError::Inactive(Reason::NoSuchToken))
            }
            error => error.into(),
        }
    }
}
