//! `list`

use serde::Serialize;
use token_core::{Grant, Listing, StoreErrorKind, UnreadableRecord};

use crate::args::ListArgs;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::format::Format;
use crate::open::Tokens;
use crate::plural::count;
use crate::report::{Report, access, in_seconds, table};
use crate::visible::visible;
use crate::warning::Warning;

pub(crate) async fn run(arguments: &ListArgs, format: Format, tokens: &Tokens) -> Result<Report, Failure> {
    let user = arguments.user().ok_or_else(|| Failure::usage("say whose tokens: token-cli list USER"))?;
    let listing = tokens.list(user).await?;
    let report = Report::new(format, Exit::Done, &rows(&listing), || human(&listing))?;
    Ok(report.warn(incomplete(&listing.unreadable)))
}

/// A row in JSON: a grant, or the id of a token whose record cannot be read.
#[derive(Serialize)]
#[serde(untagged)]
enum Row<'a> {
    Grant(&'a Grant),
    Unreadable {
        unreadable: bool,
        #[serde(flatten)]
        row: &'a UnreadableRecord,
    },
}

fn rows(listing: &Listing) -> Vec<Row<'_>> {
    let unreadable = listing.unreadable.iter().map(|row| Row::Unreadable { unreadable: true, row });
    listing.grants.iter().map(Row::Grant).chain(unreadable).collect()
}

/// What cannot be read is not known: as for a store that cannot be asked.
fn incomplete(unreadable: &[UnreadableRecord]) -> Option<Warning> {
    if unreadable.is_empty() {
        return None;
    }
    let records = if unreadable.len() == 1 { "record" } else { "records" };
    let tokens = count(unreadable.len() as u64, "token");
    let sentence = format!("the {records} of {tokens} cannot be read; this node refuses what it cannot read");
    Some(Warning::new(Exit::Store, StoreErrorKind::Corrupt.code(), sentence))
}

fn human(listing: &Listing) -> String {
    if listing.is_empty() {
        return "no live tokens\n".into();
    }
    let mut text = String::new();
    if !listing.grants.is_empty() {
        text += &table(
            ["ID", "ISSUED", "EXPIRES", "SLIDES BY", "AT THE LATEST", "LABEL", "ACCESS"],
            listing.grants.iter().map(row),
        );
    }
    for row in &listing.unreadable {
        text += &format!("{}  cannot be read\n  {};\n  {}\n", row.id, row.why, row.why.advice());
    }
    text
}

fn row(grant: &Grant) -> [String; 7] {
    let or_dash = |value: Option<String>| value.unwrap_or_else(|| "-".into());
    [
        grant.id.to_string(),
        in_seconds(grant.issued_at),
        in_seconds(grant.expires_at),
        or_dash(grant.deadlines.window().map(|window| window.to_string())),
        or_dash(grant.deadlines.cap().map(in_seconds)),
        or_dash(grant.label.as_ref().map(visible)),
        grant.access.scopes().map_or_else(|| "full".into(), |_| access(&grant.access)),
    ]
}
