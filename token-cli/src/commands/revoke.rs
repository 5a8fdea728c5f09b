//! `revoke`

use std::collections::HashSet;

use serde::Serialize;
use token_core::{Committed, Confirmation, Revocation, RevokeOutcome, StoreError, TokenId, TokenStatus};

use super::presented;
use crate::args::{RevokeArgs, Settings};
use crate::exit::Exit;
use crate::failure::{Failure, MISSING_KEY};
use crate::format::Format;
use crate::open::{Tokens, open};
use crate::report::{Report, table};
use crate::secret;
use crate::warning::{REPEAT, Warning};

const DONE: &str = "all of this is revoked";

pub(crate) async fn run(
    arguments: RevokeArgs,
    format: Format,
    settings: &Settings,
) -> Result<Report, Failure> {
    let revocation = Revocation { by: super::actor(arguments.by), why: arguments.why };
    if let (Some(user), true) = (&arguments.user, arguments.dry_run) {
        let listing = open(settings).await?.list(user).await?;
        if listing.is_empty() {
            let row = Row::without_change(None, "nothing_to_revoke", Exit::Done);
            return Report::new(format, Exit::Done, &[row], || human(&[]));
        }
        let ids =
            listing.grants.iter().map(|grant| grant.id).chain(listing.unreadable.iter().map(|row| row.id));
        return report(format, ids.map(Row::would_be_revoked).collect());
    }
    if let Some(user) = &arguments.user {
        let ended = open(settings).await?.revoke_subject(user, &revocation).await?;
        let rows: Vec<_> =
            ended.outcome.into_iter().map(|id| Row::new(id, "revoked", ended.confirmation)).collect();
        if rows.is_empty() {
            let nothing =
                Report::new(format, Exit::Done, &[Row::nothing(ended.confirmation)], || human(&[]))?;
            return Ok(nothing
                .answered_by_exit_code()
                .warn(Warning::nothing_unconfirmed(ended.confirmation)));
        }
        return Ok(report(format, rows)?.after(DONE).if_confirmed("revoked", ended.confirmation, REPEAT));
    }
    let (tokens, ids) = if arguments.stdin {
        let text = secret::several()?;
        let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
        let tokens = open(settings).await?;
        let ids = lines.map(|line| id(&tokens, line)).collect::<Vec<_>>();
        (tokens, ids)
    } else {
        // All ids are read before the first token is revoked: a typing error revokes nothing.
        let ids = arguments.ids.iter().map(|text| super::parse_id(text)).collect::<Result<Vec<_>, _>>()?;
        (open(settings).await?, ids.into_iter().map(Ok).collect())
    };
    if ids.is_empty() {
        return Err(Failure::usage("no token was given: the input is empty"));
    }
    if arguments.dry_run {
        return report(format, look_at_each(&tokens, ids).await);
    }
    let rows = revoke_each(&tokens, ids, &revocation).await;
    let revoked = rows.iter().filter(|row| row.exit == Exit::Done);
    let unconfirmed = revoked.filter_map(|row| row.confirmation).find(|how| !how.is_confirmed());
    Ok(report(format, rows)?.after(DONE).if_confirmed(
        "revoked",
        unconfirmed.unwrap_or(Confirmation::LOCAL),
        REPEAT,
    ))
}

/// The id of the token in this line, or the row that says why there is none.
fn id(tokens: &Tokens, line: &str) -> Result<TokenId, Row> {
    tokens.parse(line).map(|token| token.id()).map_err(|malformed| {
        if let Some(why) = presented::missing_key(tokens, line) {
            return Row::without_key(why);
        }
        Row::malformed(presented::instead(tokens, line).map_or_else(|| malformed.to_string(), str::to_owned))
    })
}

fn report(format: Format, rows: Vec<Row>) -> Result<Report, Failure> {
    let exit = rows.iter().map(|row| row.exit).max().unwrap_or(Exit::Done);
    Ok(Report::new(format, exit, &rows, || human(&rows))?.warn(not_done(&rows)))
}

/// What was not done, of the worst kind.
fn not_done(rows: &[Row]) -> Option<Warning> {
    let worst = rows.iter().filter(|row| row.kind.is_some()).rev().max_by_key(|row| row.exit)?;
    let (kind, error) = (worst.kind?, worst.error.as_ref()?);
    let number = rows.iter().filter(|row| row.kind.is_some()).count();
    let sentence = format!("{number} of {} failed, for example: {error}", rows.len());
    Some(Warning::new(worst.exit, kind, sentence).in_result())
}

/// Revokes one after the other. What the store could not do is told in its row; the others are done all the same.
async fn revoke_each(tokens: &Tokens, ids: Vec<Result<TokenId, Row>>, revocation: &Revocation) -> Vec<Row> {
    let mut rows = Vec::with_capacity(ids.len());
    for id in ids {
        rows.push(match id {
            Ok(id) => Row::of(id, tokens.revoke(id, revocation).await),
            Err(row) => row,
        });
    }
    rows
}

/// What would become of each.
async fn look_at_each(tokens: &Tokens, ids: Vec<Result<TokenId, Row>>) -> Vec<Row> {
    let (mut rows, mut seen) = (Vec::with_capacity(ids.len()), HashSet::new());
    for id in ids {
        rows.push(match id {
            Ok(id) => look_at(tokens, id, seen.insert(id)).await,
            Err(row) => row,
        });
    }
    rows
}

/// What would become of this token; `is_first` says that it was not given before. A revoke needs no readable record and
/// no readable tombstone.
async fn look_at(tokens: &Tokens, id: TokenId, is_first: bool) -> Row {
    let already_revoked = || Row::without_change(Some(id), "already_revoked", Exit::Done);
    match tokens.show(id).await {
        Ok(TokenStatus::Live(_)) if is_first => Row::would_be_revoked(id),
        Err(error) if error.is_of_record() && is_first => Row::would_be_revoked(id),
        Ok(TokenStatus::Live(_) | TokenStatus::Revoked(_)) => already_revoked(),
        Err(error) if error.is_of_record() || error.is_of_tombstone() => already_revoked(),
        Ok(TokenStatus::Unknown) => Row::without_change(Some(id), "unknown", Exit::Negative),
        Err(error) => Row::failed(id, &error),
    }
}

/// What became of one token.
#[derive(Serialize)]
struct Row {
    id: Option<String>,
    outcome: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    confirmation: Option<Confirmation>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
    /// What kind of error that is.
    #[serde(skip)]
    kind: Option<&'static str>,
    #[serde(skip)]
    exit: Exit,
}

impl Row {
    fn new(id: TokenId, outcome: &'static str, confirmation: Confirmation) -> Self {
        let confirmation = Some(confirmation);
        Self { id: Some(id.to_string()), outcome, confirmation, error: None, kind: None, exit: Exit::Done }
    }

    /// Of a user without tokens.
    fn nothing(confirmation: Confirmation) -> Self {
        let row = Self::without_change(None, "nothing_to_revoke", Exit::Done);
        Self { confirmation: Some(confirmation), ..row }
    }

    fn without_change(id: Option<TokenId>, outcome: &'static str, exit: Exit) -> Self {
        let id = id.map(|id| id.to_string());
        Self { id, outcome, confirmation: None, error: None, kind: None, exit }
    }

    fn would_be_revoked(id: TokenId) -> Self {
        Self::without_change(Some(id), "would_be_revoked", Exit::Done)
    }

    fn malformed(why: String) -> Self {
        let row = Self::without_change(None, "malformed", Exit::Negative);
        Self { error: Some(why), kind: Some("malformed"), ..row }
    }

    /// Of a text that may be a live token: this node lacks the key that tells.
    fn without_key(why: String) -> Self {
        let row = Self::without_change(None, "failed", Exit::Store);
        Self { error: Some(why), kind: Some(MISSING_KEY), ..row }
    }

    fn failed(id: TokenId, error: &StoreError) -> Self {
        let row = Self::without_change(Some(id), "failed", Exit::Store);
        Self { error: Some(error.to_string()), kind: Some(error.kind().code()), ..row }
    }

    fn of(id: TokenId, change: Result<Committed<RevokeOutcome>, StoreError>) -> Self {
        match change {
            Ok(Committed { outcome: RevokeOutcome::Revoked, confirmation }) => {
                Self::new(id, "revoked", confirmation)
            }
            Ok(Committed { outcome: RevokeOutcome::AlreadyRevoked, confirmation }) => {
                Self::new(id, "already_revoked", confirmation)
            }
            Ok(Committed { outcome: RevokeOutcome::Unknown, confirmation }) => {
                Self { exit: Exit::Negative, ..Self::new(id, "unknown", confirmation) }
            }
            Err(error) => Self::failed(id, &error),
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
