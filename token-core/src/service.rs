//! The paved path: token texts on one side, a store on the other.

use rand_chacha::rand_core::CryptoRng;

use crate::access::{Demand, Mode};
use crate::confirmation::{Change, Confirmation};
use crate::error::StoreError;
use crate::grant::Grant;
use crate::idempotency::{IdempotencyKey, Once};
use crate::partition::{PARTITIONS, Partition, SubjectHash};
use crate::recogniser::Recogniser;
use crate::request::IssueRequest;
use crate::store::TokenStore;
use crate::token::{MalformedToken, ParsedToken, Prefix, Token, TokenFormat};
use crate::verdict::{Reason, Verdict};

/// A token that was just issued. This is the only time its text can be had.
#[derive(Debug)]
pub struct Issued {
    /// The token.
    pub token: Token,
    /// What it grants.
    pub grant: Grant,
    /// How far the issue is known to have gone.
    pub confirmation: Confirmation,
}

/// Issues and validates token texts against a store.
#[derive(Debug)]
pub struct TokenService<S> {
    store: S,
    format: TokenFormat,
    recogniser: Recogniser,
}

impl<S: TokenStore> TokenService<S> {
    /// Tokens that start with `prefix`, kept in `store`.
    pub fn new(store: S, prefix: Prefix) -> Self {
        let recogniser = Recogniser::of(prefix.clone(), store.keys().clone());
        let format = TokenFormat::new(prefix, store.keys().clone());
        Self { store, format, recogniser }
    }

    /// Makes a token and keeps its record. For `rng` see [`os_rng`](crate::os_rng).
    ///
    /// # Errors
    /// The store could not be asked or refused. The token may have been issued all the same; its text is lost with
    /// this call, so nobody holds it.
    pub async fn issue(
        &self,
        request: &IssueRequest,
        rng: &mut (impl CryptoRng + Send),
    ) -> Result<Issued, StoreError> {
        let token = self.format.generate(SubjectHash::of(&request.subject).partition, rng);
        let Change { outcome: grant, confirmation } = self.store.issue(token.id(), request).await?;
        Ok(Issued { token, grant, confirmation })
    }

    /// The same for a request that may be a repeat: of all requests with this key, one gets a token.
    ///
    /// # Errors
    /// As [`issue`](Self::issue). Repeating it with the same key is safe.
    pub async fn issue_once(
        &self,
        request: &IssueRequest,
        key: &IdempotencyKey,
        rng: &mut (impl CryptoRng + Send),
    ) -> Result<Once<Issued>, StoreError> {
        let token = self.format.generate(SubjectHash::of(&request.subject).partition, rng);
        Ok(match self.store.issue_once(token.id(), request, key).await? {
            Once::Issued(Change { outcome: grant, confirmation }) => {
                Once::Issued(Issued { token, grant, confirmation })
            }
            // The text that was just generated is dropped: the answer names the token that was issued first.
            Once::Repeated(repeated) => Once::Repeated(repeated),
            Once::Mismatched => Once::Mismatched,
        })
    }

    /// Answers whether the text is a live token that meets the demand; a sliding one that does is renewed.
    ///
    /// Text that is no token of this deployment is refused without asking the store.
    ///
    /// # Errors
    /// It could not be found out. Neither accept nor call the token invalid.
    pub async fn validate(&self, text: &str, demand: &Demand) -> Result<Verdict, StoreError> {
        self.judge(text, demand, Mode::Use).await
    }

    /// The same for many texts at once, each with a demand of its own; the answers are in the same order.
    ///
    /// A store behind a network gets many in one message: checking again who is behind some thousand open connections
    /// costs a fraction of as many validations.
    pub async fn validate_many<'a>(
        &self,
        uses: impl IntoIterator<Item = (&'a str, Demand)>,
    ) -> Vec<Result<Verdict, StoreError>> {
        let mut tokens = Vec::new();
        let parsed: Vec<_> = uses
            .into_iter()
            .map(|(text, demand)| self.parse(text).map(|token| tokens.push((token, demand))))
            .collect();
        let mut verdicts = self.store.validate_many(&tokens, Mode::Use).await.into_iter();
        let answer = |parsed| match parsed {
            Ok(()) => verdicts.next().unwrap_or_else(|| Err(StoreError::unanswered())),
            Err(malformed) => Ok(Verdict::Inactive(Reason::Malformed(malformed))),
        };
        parsed.into_iter().map(answer).collect()
    }

    /// The same without renewing anything.
    ///
    /// # Errors
    /// It could not be found out.
    pub async fn peek(&self, text: &str, demand: &Demand) -> Result<Verdict, StoreError> {
        self.judge(text, demand, Mode::Peek).await
    }

    /// Renews a token that was [looked at](Self::peek), after its use was admitted by more than the demand.
    ///
    /// # Errors
    /// It could not be found out.
    pub async fn renew(&self, text: &str, demand: &Demand) -> Result<Verdict, StoreError> {
        match self.parse(text) {
            Ok(token) => self.store.renew(token, demand).await,
            Err(malformed) => Ok(Verdict::Inactive(Reason::Malformed(malformed))),
        }
    }

    /// Asks the store about a token that does not exist, of any partition by chance: whether it answers, and could keep a
    /// change.
    ///
    /// # Errors
    /// It does not.
    pub async fn probe(&self, rng: &mut (impl CryptoRng + Send)) -> Result<(), StoreError> {
        let number = u16::try_from(rng.next_u32() % u32::from(PARTITIONS)).unwrap_or_default();
        let Some(partition) = Partition::new(number) else { return Ok(()) };
        let nonexistent = self.format.generate(partition, rng);
        if let Ok(token) = self.parse(nonexistent.expose_secret()) {
            self.store.probe(token).await?;
        }
        self.store.keeps_changes().await
    }

    /// Recognises a token text without asking the store.
    ///
    /// # Errors
    /// The text is no token of this deployment.
    pub fn parse(&self, text: &str) -> Result<ParsedToken, MalformedToken> {
        self.format.parse(text)
    }

    /// Recognises tokens in texts that should hold none: tokens of this deployment, and of others.
    pub fn recogniser(&self) -> &Recogniser {
        &self.recogniser
    }

    /// Whether the text holds a token of this deployment with something around it, such as white space, quotes or a
    /// scheme. A text that is a token is none.
    pub fn holds_token(&self, text: &str) -> bool {
        self.parse(text).is_err() && self.format.finds(text)
    }

    /// The store, for what needs an id or a subject and no token.
    pub fn store(&self) -> &S {
        &self.store
    }

    /// The store, for whoever wants to put something around it.
    pub fn into_store(self) -> S {
        self.store
    }

    async fn judge(&self, text: &str, demand: &Demand, mode: Mode) -> Result<Verdict, StoreError> {
        match self.parse(text) {
            Ok(token) => self.store.validate(token, demand, mode).await,
            Err(malformed) => Ok(Verdict::Inactive(Reason::Malformed(malformed))),
        }
    }
}
