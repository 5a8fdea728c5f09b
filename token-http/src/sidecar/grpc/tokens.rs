//! `token.v1.TokenService`: issue, validate, revoke, list.
//!
//! It stands behind the door for gRPC services, which knows who calls.

use std::sync::Arc;

use secrecy::{ExposeSecret, SecretString};
use token_core::{Change, Issued, Revocation, RevokeOutcome, Sighting, Subject, TokenId, TokenStore, os_rng};
use tonic::{Extensions, Request, Response, Status};

use super::policy::{Deed, Reach, permit};
use super::proto::token::v1::revoke_request::What;
use super::proto::token::v1::token_service_server::TokenService;
use super::proto::token::v1::{
    IssueRequest, IssueResponse, ListRequest, ListResponse, RevokeRequest, RevokeResponse, ValidateRequest,
    ValidateResponse,
};
use super::status::of_store;
use super::words;
use crate::authenticated::Authenticated;
use crate::sidecar::Sidecar;
use crate::sidecar::callers::Caller;

#[derive(Debug)]
pub(super) struct TokenCalls(pub(super) Arc<Sidecar>);

type Answer<T> = Result<Response<T>, Status>;

#[tonic::async_trait]
impl TokenService for TokenCalls {
    async fn issue(&self, request: Request<IssueRequest>) -> Answer<IssueResponse> {
        let (_, extensions, request) = request.into_parts();
        let caller = self.caller(&extensions)?;
        let reach = permit(&caller, Deed::Issue)?;
        let mut request = words::issue_request(request)?;
        within(&reach, &request.subject)?;
        request.issuer = caller.subject().as_str().parse().ok();
        let mut rng = os_rng().map_err(|_| Status::unavailable("no secret can be made just now"))?;
        let issued = self.0.tokens.issue(&request, &mut rng).await.map_err(of_store)?;
        let Issued { token, grant, confirmation } = issued;
        Ok(Response::new(IssueResponse {
            token: token.expose_secret().to_owned(),
            grant: Some(words::grant(&grant)),
            confirmation: Some(words::confirmation(confirmation)),
        }))
    }

    async fn validate(&self, request: Request<ValidateRequest>) -> Answer<ValidateResponse> {
        let (_, extensions, request) = request.into_parts();
        let caller = self.caller(&extensions)?;
        let _everybody = permit(&caller, Deed::Validate)?;
        let ValidateRequest { token, user, needs, peek } = request;
        let token = SecretString::from(token);
        let demand = words::demand(user.as_deref(), &needs)?;
        let tokens = &self.0.tokens;
        let verdict = match peek {
            true => tokens.peek(token.expose_secret(), &demand).await,
            false => tokens.validate(token.expose_secret(), &demand).await,
        };
        Ok(Response::new(words::verdict(verdict.map_err(of_store)?)))
    }

    async fn revoke(&self, request: Request<RevokeRequest>) -> Answer<RevokeResponse> {
        let (_, extensions, request) = request.into_parts();
        let caller = self.caller(&extensions)?;
        let reach = permit(&caller, Deed::Revoke)?;
        let by = caller.subject().as_str().parse().ok();
        let revocation = Revocation { by, why: words::label("why", &request.why)? };
        let answer = match request.what {
            None => return Err(Status::invalid_argument("what: say which token, or whose")),
            Some(What::User(user)) => {
                self.revoke_subject(&words::subject("user", &user)?, &reach, &revocation).await?
            }
            Some(What::Id(id)) => {
                let id = id.parse().map_err(|_| Status::invalid_argument("id: this is no token id"))?;
                self.revoke_one(id, &reach, &revocation).await?
            }
            Some(What::Token(text)) => match self.0.tokens.parse(SecretString::from(text).expose_secret()) {
                Ok(token) => self.revoke_one(token.id(), &reach, &revocation).await?,
                Err(_) => RevokeResponse::default(),
            },
        };
        Ok(Response::new(answer))
    }

    async fn list(&self, request: Request<ListRequest>) -> Answer<ListResponse> {
        let (_, extensions, ListRequest { user }) = request.into_parts();
        let caller = self.caller(&extensions)?;
        let reach = permit(&caller, Deed::List)?;
        let subject = match user.as_str() {
            "" => caller.subject().clone(),
            user => words::subject("user", user)?,
        };
        within(&reach, &subject)?;
        let grants = self.0.tokens.store().list(&subject).await.map_err(of_store)?;
        Ok(Response::new(ListResponse { grants: grants.iter().map(words::grant).collect() }))
    }
}

impl TokenCalls {
    fn caller(&self, extensions: &Extensions) -> Result<Caller<'_>, Status> {
        // The door has let somebody in, or nothing would come here.
        let who = extensions.get::<Authenticated>().cloned();
        who.map(|who| self.0.let_in(who)).ok_or_else(|| Status::internal("this service has no door"))
    }

    async fn revoke_subject(
        &self,
        subject: &Subject,
        reach: &Reach<'_>,
        revocation: &Revocation,
    ) -> Result<RevokeResponse, Status> {
        within(reach, subject)?;
        let Change { outcome, confirmation } =
            self.0.tokens.store().revoke_subject(subject, revocation).await.map_err(of_store)?;
        let ids = outcome.iter().map(ToString::to_string).collect();
        Ok(RevokeResponse { ids, confirmation: Some(words::confirmation(confirmation)) })
    }

    async fn revoke_one(
        &self,
        id: TokenId,
        reach: &Reach<'_>,
        revocation: &Revocation,
    ) -> Result<RevokeResponse, Status> {
        if !self.is_within(reach, id).await? {
            return Ok(RevokeResponse::default());
        }
        let done = self.0.tokens.store().revoke(id, revocation).await.map_err(of_store)?;
        Ok(match done.outcome {
            RevokeOutcome::Unknown => RevokeResponse::default(),
            RevokeOutcome::Revoked | RevokeOutcome::AlreadyRevoked => RevokeResponse {
                ids: vec![id.to_string()],
                confirmation: Some(words::confirmation(done.confirmation)),
            },
        })
    }

    /// Whether the token with this id is one that the caller may end. That it is another's is not told.
    async fn is_within(&self, reach: &Reach<'_>, id: TokenId) -> Result<bool, Status> {
        if matches!(reach, Reach::Everybody) {
            return Ok(true);
        }
        let subject = match self.0.tokens.store().show(id).await.map_err(of_store)? {
            Sighting::Live(grant) => Some(grant.subject),
            Sighting::Revoked(tombstone) => tombstone.subject,
            Sighting::Unknown => None,
        };
        Ok(subject.is_some_and(|subject| reach.includes(&subject)))
    }
}

fn within(reach: &Reach<'_>, subject: &Subject) -> Result<(), Status> {
    match reach.includes(subject) {
        true => Ok(()),
        false => Err(Status::permission_denied("this token may do this for its own user only")),
    }
}
