//! `revoke`

use serde::Serialize;
use token_core::{MalformedToken, Revocation, RevokeOutcome, StoreError, TokenId, TokenStore};

use crate::args::{RevokeArgs, Settings};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::format::Format;
use crate::open::{Tokens, open};
use crate::report::{Report, table};
use crate::secret;

pub(crate) async fn run(
    arguments: RevokeArgs,
    format: Format,
    settings: &Settings,
) -> Result<Report, Failure> {
    let revocation = Revocation { by: super::actor(arguments.by), why: arguments.why };
    let rows = if let Some(user) = &arguments.user {
        let ids = open(settings).await?.store().revoke_subject(user, &revocation).await?;
        ids.into_iter().map(|id| Row::new(id, "revoked")).collect()
    } else if arguments.stdin {
        let text = secret::read(None)?;
        let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
        let tokens = open(settings).await?;
        let parsed = lines.map(|line| tokens.parse(line).map(|token| token.id())).collect::<Vec<_>>();
        if parsed.is_empty() {
            return Err(Failure::usage("no token was given: the input is empty"));
        }
        revoke_each(&tokens, parsed, &revocation).await
    } else {
        // All ids are read before the first token is revoked: a typing error revokes nothing.
        let ids = arguments.ids.iter().map(|text| super::parse_id(text)).collect::<Result<Vec<_>, _>>()?;
        let tokens = open(settings).await?;
        revoke_each(&tokens, ids.into_iter().map(Ok).collect(), &revocation).await
    };
    let exit = rows.iter().map(|row| row.exit).max().unwrap_or(Exit::Done);
    Report::new(format, exit, &rows, || human(&rows))
}

/// Revokes one after the other. What the store could not do is told in its row; the others are done all the same.
async fn revoke_each(
    tokens: &Tokens,
    ids: Vec<Result<TokenId, MalformedToken>>,
    revocation: &Revocation,
) -> Vec<Row> {
    let mut rows = Vec::with_capacity(ids.len());
    for id in ids {
        rows.push(match id {
            Ok(id) => Row::of(id, tokens.store().revoke(id, revocation).await),
            Err(malformed) => Row {
                id: None,
                outcome: "malformed",
                error: Some(malformed.to_string()),
                exit: Exit::Negative,
            },
        });
    }
    rows
}

/// What became of one token.
#[derive(Serialize)]
struct Row {
    id: Option<String>,
    outcome: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
    #[serde(skip)]
    exit: Exit,
}

impl Row {
    fn new(id: TokenId, outcome: &'static str) -> Self {
        Self { id: Some(id.to_string()), outcome, error: None, exit: Exit::Done }
    }

    fn of(id: TokenId, outcome: Result<RevokeOutcome, StoreError>) -> Self {
        match outcome {
            Ok(RevokeOutcome::Revoked) => Self::new(id, "revoked"),
            Ok(RevokeOutcome::AlreadyRevoked) => Self::new(id, "already_revoked"),
            Ok(RevokeOutcome::Unknown) => Self { exit: Exit::Negative, ..Self::new(id, "unknown") },
            Err(error) => {
                Self { exit: Exit::Store, error: Some(error.to_string()), ..Self::new(id, "failed") }
            }
        }
    }
}

fn human(rows: &[Row]) -> String {
    if rows.is_empty() {
        return "no live tokens to revoke\n".into();
    }
    table(
        ["ID", "OUTCOME"],
        rows.iter().map(|row| {
            let outcome = row.outcome.replace('_', " ");
            let outcome = row.error.as_ref().map_or(outcome.clone(), |error| format!("{outcome}: {error}"));
            [row.id.clone().unwrap_or_else(|| "-".into()), outcome]
        }),
    )
}
