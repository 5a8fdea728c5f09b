//! `show`

use serde::Serialize;
use token_core::{Grant, TokenStatus, Tombstone};

use crate::args::ShowArgs;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::format::Format;
use crate::open::Tokens;
use crate::report::{Report, facts, in_seconds};
use crate::visible::visible;

pub(crate) async fn run(arguments: &ShowArgs, format: Format, tokens: &Tokens) -> Result<Report, Failure> {
    let id = super::parse_id(&arguments.id)?;
    match tokens.show(id).await? {
        TokenStatus::Live(grant) => {
            Report::new(format, Exit::Done, &Json::Live(&grant), || format!("live\n{}", facts(&grant)))
        }
        TokenStatus::Revoked(tombstone) => {
            Report::new(format, Exit::Negative, &Json::Revoked(&tombstone), || human(&tombstone))
        }
        TokenStatus::Unknown => {
            let json = Json::Unknown { id: id.to_string() };
            Report::new(format, Exit::Negative, &json, || {
                "unknown: never issued here, expired, or revoked too long ago to be remembered\n".into()
            })
        }
    }
}

#[derive(Serialize)]
#[serde(tag = "state", rename_all = "lowercase")]
enum Json<'a> {
    Live(&'a Grant),
    Revoked(&'a Tombstone),
    Unknown { id: String },
}

fn human(tombstone: &Tombstone) -> String {
    let by = tombstone.revocation.by.as_ref().map(|by| format!(" by {}", visible(by))).unwrap_or_default();
    let mut text =
        format!("revoked at {}{by}\n  id       {}\n", in_seconds(tombstone.revoked_at), tombstone.id);
    if let Some(subject) = &tombstone.subject {
        text += &format!("  user     {}\n", visible(subject));
    }
    if let Some(label) = &tombstone.label {
        text += &format!("  label    {}\n", visible(label));
    }
    if let Some(why) = &tombstone.revocation.why {
        text += &format!("  why      {}\n", visible(why));
    }
    text
}
