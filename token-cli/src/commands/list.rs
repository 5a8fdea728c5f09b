//! `list`

use token_core::{Grant, TokenStore};

use crate::args::ListArgs;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::format::Format;
use crate::open::Tokens;
use crate::report::{Report, access, in_seconds, table, visible};

pub(crate) async fn run(arguments: &ListArgs, format: Format, tokens: &Tokens) -> Result<Report, Failure> {
    let grants = tokens.store().list(&arguments.user).await?;
    Report::new(format, Exit::Done, &grants, || human(&grants))
}

fn human(grants: &[Grant]) -> String {
    if grants.is_empty() {
        return "no live tokens\n".into();
    }
    table(
        ["ID", "ISSUED", "EXPIRES", "SLIDES BY", "AT THE LATEST", "LABEL", "ACCESS"],
        grants.iter().map(row),
    )
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
