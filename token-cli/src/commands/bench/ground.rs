//! The tokens of a run, which nobody else has.

use std::fmt::Display;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use token_core::{
    Access, IssueRequest, Issued, Label, Lifetime, Requirement, Revocation, ServiceError, Span, StoreError,
    StoreErrorKind, Subject, Token, Verdict,
};

use crate::args::BenchArgs;
use crate::failure::Failure;
use crate::open::{Apart, Tokens};
use crate::scratch::Scratch;

/// How long all tokens may take to be issued.
pub(super) const PREPARE: Duration = Duration::from_secs(5 * 60);
/// How much longer than that, and than the measurement, they live.
const SPARE: Duration = Duration::from_secs(60);
/// How long a token lives that only finds out what this user may do.
const TRIAL: Duration = Duration::from_secs(10);

/// The word for a validation that refused one of these tokens.
pub(super) const INACTIVE: &str = "inactive";

/// The tokens of a run, and where they are.
pub(super) struct Ground {
    tokens: Tokens,
    /// Where they are, if they go with it.
    pub(super) scratch: Option<Scratch>,
    /// How long they live: the sliding ones when they are not used, the others in any case.
    life: Span,
    /// How long what is left of them can stay: the cap of the sliding ones. Without one, the index of a user would stay.
    pub(super) longest: Span,
    name: String,
    users: u64,
    sliding: u64,
    places: Box<[OnceLock<Token>]>,
    begun: AtomicU64,
}

impl Ground {
    pub(super) fn new(apart: Apart, name: &str, users: u32, arguments: &BenchArgs) -> Result<Self, Failure> {
        let life = PREPARE + arguments.time.as_duration() + SPARE;
        Ok(Self {
            tokens: apart.tokens,
            scratch: apart.scratch,
            life: span(life)?,
            // So far away that each use moves the deadline, also the last one.
            longest: span(2 * life)?,
            name: name.to_owned(),
            users: users.into(),
            sliding: arguments.sliding.into(),
            places: (0..arguments.tokens).map(|_| OnceLock::new()).collect(),
            begun: AtomicU64::new(0),
        })
    }

    /// Issues a token and revokes it: what this user may not do is known before there is anything to clean up.
    pub(super) async fn try_out(&self) -> Result<(), Failure> {
        let tried = match self.issue("trial", Lifetime::hard(span(TRIAL)?)).await {
            Ok(_) => self.revoke("trial").await.map_err(ServiceError::Store),
            Err(error) => Err(error),
        };
        let denied = |error| {
            let sentence = "nothing was measured: that takes a user who may issue, validate and revoke, like the role \
                            admin of deploy/acl; put such a user into the store's URL";
            StoreError::new(StoreErrorKind::Denied, sentence).caused_by(error)
        };
        Ok(tried.map_err(|error| match error {
            ServiceError::Store(error) if error.kind() == StoreErrorKind::Denied => denied(error).into(),
            other => other,
        })?)
    }

    /// How many tokens there will be.
    pub(super) fn count(&self) -> u64 {
        self.places.len() as u64
    }

    /// How many users, from number 0, may have a token by now.
    pub(super) fn reached(&self) -> u64 {
        self.users.min(self.begun.load(Ordering::Relaxed))
    }

    /// Issues the token of this number.
    pub(super) async fn add(&self, number: u64) -> Result<(), ServiceError> {
        self.begun.fetch_max(number + 1, Ordering::Relaxed);
        // 61 and 100 have no factor in common: of each hundred tokens in a row so many slide, and not side by side.
        let slides = number * 61 % 100 < self.sliding;
        let (limit, window) = if slides { (self.longest, Some(self.life)) } else { (self.life, None) };
        let lifetime = Lifetime::of(Some(limit), window).map_err(|error| {
            StoreError::new(StoreErrorKind::Misconfigured, "cannot make a token").caused_by(error)
        })?;
        let issued = self.issue(number % self.users, lifetime).await?;
        if let Some(place) = self.places.get(number as usize) {
            // Each number comes once.
            let _ = place.set(issued.token);
        }
        Ok(())
    }

    /// Validates one of the tokens, in turn. The error is the word for what went wrong.
    pub(super) async fn validate(&self, number: u64) -> Result<(), &'static str> {
        let place = (number % self.count()) as usize;
        // All are there when the measurement begins.
        let Some(token) = self.places.get(place).and_then(OnceLock::get) else { return Err(INACTIVE) };
        match self.tokens.validate(token.expose_secret(), &Requirement::any()).await {
            Ok(Verdict::Active(_)) => Ok(()),
            Ok(Verdict::Inactive(_)) => Err(INACTIVE),
            Err(error) => Err(error.kind().code()),
        }
    }

    /// Revokes all tokens of a user.
    pub(super) async fn revoke(&self, user: impl Display) -> Result<(), StoreError> {
        let user = self.user(user)?;
        self.tokens.revoke_subject(&user, &Revocation::default()).await.map(drop)
    }

    async fn issue(&self, user: impl Display, lifetime: Lifetime) -> Result<Issued, ServiceError> {
        let mut request = IssueRequest::new(self.user(user)?, Access::Full, lifetime);
        request.label = "token-cli bench".parse::<Label>().ok();
        self.tokens.issue(&request).await
    }

    fn user(&self, user: impl Display) -> Result<Subject, StoreError> {
        format!("bench {} {user}", self.name).parse().map_err(|error| {
            StoreError::new(StoreErrorKind::Misconfigured, "cannot name a user").caused_by(error)
        })
    }
}

fn span(duration: Duration) -> Result<Span, Failure> {
    duration.try_into().map_err(|error| Failure::usage(format!("the time is no lifetime: {error}")))
}
