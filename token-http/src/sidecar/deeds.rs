//! What callers do with tokens. Whoever answers over HTTP or gRPC reads what is asked and writes what came of it; whether it
//! may be done is [`policy`](super::policy)'s to say.

use token_core::{
    Change, Demand, IdempotencyKey, IssueRequest, Issued, Label, Listing, Mode, Once, Parent, ParsedToken,
    Reason, Revocation, RevokeOutcome, Sighting, StoreError, StoreErrorKind, Subject, TokenId, TokenState,
    TokenStore, Verdict, os_rng,
};

use super::Sidecar;
use super::callers::Caller;
use super::policy::{Ruling, Wish};
use super::problem::Problem;
use crate::refusal::Refusal;

/// A token that was issued.
#[derive(Debug)]
pub(super) struct Made {
    pub(super) issued: Issued,
    /// Whether it lives shorter than was asked for, since it would have exceeded the token that issued it.
    pub(super) shortened: bool,
}

/// What the caller has of a token that they end.
#[derive(Debug, Clone, Copy)]
enum By {
    Id,
    Text,
}

impl Caller<'_> {
    /// Issues a token: to any user for administrators, else to the caller, within what their own token allows. Of all
    /// requests with one idempotency key, one issues a token.
    pub(super) async fn issue(
        &self,
        mut request: IssueRequest,
        key: Option<&IdempotencyKey>,
    ) -> Result<Once<Made>, Problem> {
        self.expect_no_token("user", Some(request.subject.as_str()))?;
        self.expect_no_token("label", request.label.as_ref().map(Label::as_str))?;
        request.issuer = self.actor();
        request.parent = self.parent(&request.subject)?;
        self.admitted().await?;
        let mut rng = os_rng().map_err(Problem::randomness)?;
        let once = match key {
            Some(key) => self.tokens().issue_once(&request, key, &mut rng).await,
            None => self.tokens().issue(&request, &mut rng).await.map(Once::Issued),
        };
        let (user, by) = (&request.subject, self.subject());
        match once.map_err(|error| self.not_issued(error))? {
            Once::Issued(issued) => {
                self.notes().about(issued.grant.id);
                tracing::info!(id = %issued.grant.id, %user, %by, "issued a token");
                let shortened = issued.grant.deadlines != request.lifetime.starting(issued.grant.issued_at);
                Ok(Once::Issued(Made { issued, shortened }))
            }
            Once::Repeated(repeated) => {
                self.notes().about(repeated.id);
                tracing::info!(id = %repeated.id, %user, %by, "issued no second token for an idempotency key");
                Ok(Once::Repeated(repeated))
            }
            Once::Mismatched => Err(Problem::key_of_another_request()),
        }
    }

    /// Waits again for the confirmation of a token, or of its revocation.
    pub(super) async fn confirm(&self, id: TokenId) -> Result<Change<TokenState>, Problem> {
        self.may(id, By::Id).await?;
        let done = self.tokens().store().confirm(id).await?;
        if done.outcome == TokenState::Unknown {
            return Err(Problem::no_such_token());
        }
        Ok(done)
    }

    /// Tells whether a token that was presented to the caller counts.
    pub(super) async fn introspect(
        &self,
        text: &str,
        demand: &Demand,
        mode: Mode,
    ) -> Result<Verdict, Problem> {
        match self.rule(&Wish::Introspect) {
            Ruling::Granted => self.admitted().await?,
            other => return Err(refused(other)),
        }
        let verdict = match mode {
            Mode::Use => self.tokens().validate(text, demand).await?,
            Mode::Peek => self.tokens().peek(text, demand).await?,
        };
        if let Ok(token) = self.tokens().parse(text) {
            self.notes().about(token.id());
        }
        if let Verdict::Inactive(reason) = &verdict {
            self.notes().refused(reason.code());
            tracing::debug!(reason = reason.code(), "introspected a token that does not count");
        }
        Ok(verdict)
    }

    /// The live tokens of a user, oldest first, as far as the caller may know of them; those too that cannot be read.
    pub(super) async fn list(&self, user: &Subject) -> Result<Listing, Problem> {
        let only = match self.rule(&Wish::List(user)) {
            Ruling::Granted => None,
            Ruling::ForItself => Some(self.grant().id),
            other => return Err(refused(other)),
        };
        self.admitted().await?;
        let mut listing = self.tokens().store().list(user).await?;
        listing.retain(|id| only.is_none_or(|only| only == id));
        Ok(listing)
    }

    /// What is known of a token, if the caller may know of it. Else it is as if there were none.
    pub(super) async fn show(&self, id: TokenId) -> Result<Sighting, Problem> {
        self.notes().about(id);
        // Their own token is shown as it is when it was renewed.
        if self.rule(&Wish::Token(id, None)) == Ruling::Granted {
            self.admitted().await?;
            return Ok(self.tokens().store().show(id).await?);
        }
        let sighting = self.tokens().store().show(id).await?;
        match self.rule(&Wish::Token(id, owner(&sighting))) {
            Ruling::Granted => self.admitted().await.map(|()| sighting),
            other => Err(refused(other)),
        }
    }

    /// Ends a token. Repeating it changes nothing more, and says how far the revocation has gone by now.
    pub(super) async fn revoke(
        &self,
        id: TokenId,
        why: Option<Label>,
    ) -> Result<Change<RevokeOutcome>, Problem> {
        self.end(id, By::Id, why).await
    }

    /// Ends a token whose text the caller has.
    pub(super) async fn revoke_text(
        &self,
        token: ParsedToken,
        why: Option<Label>,
    ) -> Result<Change<RevokeOutcome>, Problem> {
        self.end(token.id(), By::Text, why).await
    }

    /// Ends all tokens of a user in one step, the one that is presented included where it is theirs.
    pub(super) async fn revoke_all(
        &self,
        user: &Subject,
        why: Option<Label>,
    ) -> Result<Change<Vec<TokenId>>, Problem> {
        self.expect_no_token("user", Some(user.as_str()))?;
        self.expect_no_token("why", why.as_ref().map(Label::as_str))?;
        match self.rule(&Wish::RevokeAll(user)) {
            Ruling::Granted => self.admitted().await?,
            other => return Err(refused(other)),
        }
        let done = self.tokens().store().revoke_subject(user, &self.revocation(why)).await?;
        tracing::info!(%user, by = %self.subject(), count = done.outcome.len(), "revoked all tokens of a user");
        Ok(done)
    }

    /// Whether the caller may end this token, or confirm it; then the request is admitted. Whose it is, is looked at only if that matters: an administrator
    /// also ends one that does not decode.
    async fn may(&self, id: TokenId, by: By) -> Result<(), Problem> {
        self.notes().about(id);
        let wish = |owner| match by {
            By::Id => Wish::Token(id, owner),
            By::Text => Wish::Text,
        };
        if self.rule(&wish(None)) == Ruling::Granted {
            return self.admitted().await;
        }
        let sighting = self.tokens().store().show(id).await?;
        match self.rule(&wish(owner(&sighting))) {
            Ruling::Granted => self.admitted().await,
            other => Err(refused(other)),
        }
    }

    async fn end(&self, id: TokenId, by: By, why: Option<Label>) -> Result<Change<RevokeOutcome>, Problem> {
        self.expect_no_token("why", why.as_ref().map(Label::as_str))?;
        self.may(id, by).await?;
        let done = self.tokens().store().revoke(id, &self.revocation(why)).await?;
        if done.outcome == RevokeOutcome::Unknown {
            return Err(Problem::no_such_token());
        }
        tracing::info!(%id, by = %self.subject(), outcome = done.outcome.code(), "revoked a token");
        Ok(done)
    }

    /// The token that one for this user must not exceed, if there is one.
    fn parent(&self, user: &Subject) -> Result<Option<Parent>, Problem> {
        match self.rule(&Wish::Issue(user)) {
            Ruling::Granted => Ok(None),
            Ruling::WithinParent => Parent::of(self.grant()).map(Some).ok_or_else(Problem::no_such_token),
            other => Err(refused(other)),
        }
    }

    /// Where the caller's token has ended since it was let in, it does not count.
    fn not_issued(&self, error: StoreError) -> Problem {
        match error.kind() {
            StoreErrorKind::ParentGone => self.refused(Refusal::Inactive(Reason::Unknown)),
            _ => error.into(),
        }
    }
}

impl Sidecar {
    /// Ends a token for a caller who has its text and presents nothing else. The tombstone names its user.
    pub(super) async fn revoke_itself(&self, token: ParsedToken) -> Result<Change<RevokeOutcome>, Problem> {
        let (id, store) = (token.id(), self.tokens.store());
        let by = match store.show(id).await {
            // Nothing is written for a text that was never issued.
            Ok(Sighting::Unknown) => return Err(Problem::no_such_token()),
            Ok(sighting) => owner(&sighting).and_then(|owner| owner.as_str().parse().ok()),
            Err(error) if error.kind() == StoreErrorKind::Corrupt => None,
            Err(error) => return Err(error.into()),
        };
        let done = store.revoke(id, &Revocation { by, why: None }).await?;
        tracing::info!(%id, by = "its own text", outcome = done.outcome.code(), "revoked a token");
        Ok(done)
    }
}

fn owner(sighting: &Sighting) -> Option<&Subject> {
    match sighting {
        Sighting::Live(grant) => Some(&grant.subject),
        Sighting::Revoked(tombstone) => tombstone.subject.as_ref(),
        Sighting::Unknown => None,
    }
}

/// Why it is not done.
fn refused(ruling: Ruling) -> Problem {
    match ruling {
        Ruling::Forbidden(sentence) => Problem::Forbidden(sentence),
        // What may be done in another way than this one is not there, either.
        Ruling::Granted | Ruling::WithinParent | Ruling::ForItself | Ruling::Hidden => {
            Problem::no_such_token()
        }
    }
}
