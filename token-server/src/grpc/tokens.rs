//! `token.v1.TokenService`: issue, validate, revoke, confirm, list.
//!
//! It is behind the auth layer for gRPC services, which knows who calls. What they may do is what they may do over HTTP.

use std::sync::Arc;

use secrecy::{ExposeSecret, SecretString};
use token_core::{Committed, Issued, Mode, Once, Reason, RevokeOutcome, TokenId};
use tonic::{Extensions, Request, Response, Status};

use super::convert;
use super::proto::token::v1::revoke_request::What;
use super::proto::token::v1::token_service_server::TokenService;
use super::proto::token::v1::{
    ConfirmRequest, ConfirmResponse, IssueRequest, IssueResponse, ListRequest, ListResponse, RevokeRequest,
    RevokeResponse, ValidateRequest, ValidateResponse,
};
use crate::error::ApiError;
use crate::operations::Caller;
use crate::operations::Created;
use crate::state::Sidecar;
use token_http::Authenticated;

#[derive(Debug)]
pub(super) struct TokenCalls(pub(super) Arc<Sidecar>);

type Answer<T> = Result<Response<T>, Status>;

#[tonic::async_trait]
impl TokenService for TokenCalls {
    async fn issue(&self, request: Request<IssueRequest>) -> Answer<IssueResponse> {
        let (_, extensions, request) = request.into_parts();
        let caller = self.caller(&extensions)?;
        let key = convert::idempotency_key(&request.idempotency_key)?;
        self.0.expect_no_token("idempotency_key", Some(&request.idempotency_key))?;
        match caller.issue(convert::issue_request(request)?, key.as_ref()).await? {
            Once::Issued(Created { issued: Issued { token, grant, confirmation }, shortened }) => {
                Ok(Response::new(IssueResponse {
                    token: token.expose_secret().to_owned(),
                    grant: Some(convert::grant(&grant)),
                    confirmation: Some(convert::confirmation(confirmation)),
                    shortened,
                    repeated: None,
                }))
            }
            Once::Repeated(repeated) => Ok(Response::new(convert::repeated(&repeated))),
            Once::Mismatched => Err(ApiError::key_of_another_request().into()),
        }
    }

    async fn validate(&self, request: Request<ValidateRequest>) -> Answer<ValidateResponse> {
        let (_, extensions, request) = request.into_parts();
        let caller = self.caller(&extensions)?;
        let ValidateRequest { token, user, needs, peek } = request;
        let token = SecretString::from(token);
        self.0.expect_bare_token("token", token.expose_secret(), extensions.get())?;
        let requirement = convert::requirement(user.as_deref(), &needs)?;
        let mode = if peek { Mode::Peek } else { Mode::Use };
        let verdict = caller.introspect(token.expose_secret(), &requirement, mode).await?;
        Ok(Response::new(convert::verdict(verdict)))
    }

    async fn revoke(&self, request: Request<RevokeRequest>) -> Answer<RevokeResponse> {
        let (_, extensions, RevokeRequest { what, why }) = request.into_parts();
        let caller = self.caller(&extensions)?;
        let why = convert::label("why", &why)?;
        let answer = match what {
            None => return Err(Status::invalid_argument("what: say which token, or whose")),
            Some(What::User(user)) => {
                let Committed { outcome, confirmation } =
                    caller.revoke_all(&convert::subject("user", &user)?, why).await?;
                let ids = outcome.iter().map(ToString::to_string).collect();
                RevokeResponse { ids, confirmation: Some(convert::confirmation(confirmation)) }
            }
            Some(What::Id(id)) => {
                let id = convert::id(&id)?;
                one(id, caller.revoke(id, why).await)?
            }
            Some(What::Token(text)) => {
                let text = SecretString::from(text);
                self.0.expect_bare_token("token", text.expose_secret(), extensions.get())?;
                match self.0.tokens.parse(text.expose_secret()) {
                    Ok(token) => one(token.id(), caller.revoke_text(token, why).await)?,
                    Err(malformed) => {
                        caller.admitted().await?;
                        caller.notes().refused(Reason::Malformed(malformed).code());
                        RevokeResponse::default()
                    }
                }
            }
        };
        Ok(Response::new(answer))
    }

    async fn confirm(&self, request: Request<ConfirmRequest>) -> Answer<ConfirmResponse> {
        let (_, extensions, ConfirmRequest { id }) = request.into_parts();
        let caller = self.caller(&extensions)?;
        let Committed { outcome, confirmation } = caller.confirm(convert::id(&id)?).await?;
        let confirmation = Some(convert::confirmation(confirmation));
        Ok(Response::new(ConfirmResponse { id, state: outcome.code().to_owned(), confirmation }))
    }

    async fn list(&self, request: Request<ListRequest>) -> Answer<ListResponse> {
        let (_, extensions, ListRequest { user }) = request.into_parts();
        let caller = self.caller(&extensions)?;
        let subject = match user.as_str() {
            "" => caller.subject().clone(),
            user => convert::subject("user", user)?,
        };
        let listing = caller.list(&subject).await?;
        Ok(Response::new(ListResponse {
            grants: listing.grants.iter().map(convert::grant).collect(),
            unreadable: listing.unreadable.iter().map(convert::unreadable).collect(),
        }))
    }
}

impl TokenCalls {
    fn caller(&self, extensions: &Extensions) -> Result<Caller<'_>, Status> {
        // The auth layer lets nothing else through.
        let who = extensions.get::<Authenticated>().cloned();
        who.map(|who| self.0.caller_of(who, extensions))
            .ok_or_else(|| Status::internal("this service is outside the auth layer"))
    }
}

/// What became of one token. It does not say that the token is another user's.
fn one(id: TokenId, done: Result<Committed<RevokeOutcome>, ApiError>) -> Result<RevokeResponse, Status> {
    match done {
        Ok(Committed { confirmation, .. }) => {
            let confirmation = Some(convert::confirmation(confirmation));
            Ok(RevokeResponse { ids: vec![id.to_string()], confirmation })
        }
        Err(ApiError::NotFound(_)) => Ok(RevokeResponse::default()),
        Err(problem) => Err(problem.into()),
    }
}
