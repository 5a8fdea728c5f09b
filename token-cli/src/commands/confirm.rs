//! `confirm`

use serde::Serialize;
use token_core::{Committed, Confirmation, ConfirmationLevel, StoreError, TokenId, TokenState};

use crate::args::{ConfirmArgs, Settings};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::format::Format;
use crate::open::open;
use crate::plural::count;
use crate::report::{Report, table};
use crate::warning::{REPEAT, Warning, why};

pub(crate) async fn run(
    arguments: &ConfirmArgs,
    format: Format,
    settings: &Settings,
) -> Result<Report, Failure> {
    let ids = arguments.ids.iter().map(|text| super::parse_id(text)).collect::<Result<Vec<_>, _>>()?;
    let tokens = open(settings).await?;
    let mut rows = Vec::with_capacity(ids.len());
    for id in ids {
        rows.push(Row::of(id, tokens.confirm(id).await));
    }
    let exit = rows.iter().map(Row::exit).max().unwrap_or(Exit::Done);
    let unconfirmed = rows.iter().filter_map(|row| row.confirmation).find(|how| !how.is_confirmed());
    let report = Report::new(format, exit, &rows, || human(&rows))?.warn(failed(&rows));
    Ok(report.if_confirmed("kept", unconfirmed.unwrap_or(Confirmation::LOCAL), REPEAT))
}

/// How far one token has gone.
#[derive(Serialize)]
struct Row {
    id: String,
    /// `live`, `revoked`, `unknown`, or `failed`.
    state: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    confirmation: Option<Confirmation>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
    /// What kind of error that is.
    #[serde(skip)]
    kind: Option<&'static str>,
}

/// What the store could not be asked.
fn failed(rows: &[Row]) -> Option<Warning> {
    let mut failed = rows.iter().filter_map(|row| Some((row.kind?, row.error.as_ref()?)));
    let (kind, error) = failed.next()?;
    let all = count(rows.len() as u64, "token");
    let sentence = format!("{} of {all} failed, the first one: {error}", failed.count() + 1);
    Some(Warning::new(Exit::Store, kind, sentence).in_result())
}

impl Row {
    fn of(id: TokenId, change: Result<Committed<TokenState>, StoreError>) -> Self {
        let id = id.to_string();
        match change {
            Ok(Committed { outcome: TokenState::Unknown, .. }) => {
                Self { id, state: TokenState::Unknown.code(), confirmation: None, error: None, kind: None }
            }
            Ok(Committed { outcome, confirmation }) => {
                Self { id, state: outcome.code(), confirmation: Some(confirmation), error: None, kind: None }
            }
            Err(error) => Self {
                id,
                state: "failed",
                confirmation: None,
                error: Some(error.to_string()),
                kind: Some(error.kind().code()),
            },
        }
    }

    fn exit(&self) -> Exit {
        match self.confirmation {
            Some(_) => Exit::Done,
            None if self.error.is_some() => Exit::Store,
            None => Exit::Negative,
        }
    }
}

fn human(rows: &[Row]) -> String {
    table(
        ["ID", "STATE", "CONFIRMED"],
        rows.iter().map(|row| {
            let far = row.confirmation.map(far).or_else(|| row.error.clone()).unwrap_or_else(|| "-".into());
            [row.id.clone(), row.state.into(), far]
        }),
    )
}

/// How far it got, in words.
fn far(confirmation: Confirmation) -> String {
    let Confirmation { level, expected, reached, reason } = confirmation;
    match level {
        ConfirmationLevel::Local => "by the server itself; no replica was waited for".into(),
        ConfirmationLevel::Replicated => {
            format!("by {reached} of {}", count(expected.into(), "replica"))
        }
        ConfirmationLevel::Disk if confirmation.is_confirmed() => "by the disk".into(),
        ConfirmationLevel::Disk => format!("not by the disk: {}", why(reason)),
    }
}
