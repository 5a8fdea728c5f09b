//! `issue`, and its other names.

use clap::Args;
use token_core::{Actor, IdempotencyKey, Label, Scope, ScopeError, Span, Subject};

use super::lifetime;

/// Issue a personal token to a user.
///
/// Its lifetime is set by -e (a hard limit), by -a (a sliding window: each use restarts it), or by both: then it
/// slides, and the hard limit caps it. Durations are written like 20s, 10m, 24h, 28d, 2w or 1d12h.
///
/// The token can be used as a bearer token, and as the password of its user with Basic authentication.
#[derive(Debug, Args)]
#[command(after_long_help = ISSUE_EXAMPLES)]
pub(crate) struct IssueArgs {
    /// The user that the token speaks for
    #[arg(short, long, value_name = "USER")]
    pub(crate) user: Subject,

    /// Expire after this time, used or not
    #[arg(short, long, value_name = "DURATION", value_parser = lifetime::hard)]
    pub(crate) expire: Option<Span>,

    /// Expire when not used for this time; a bare number is seconds
    #[arg(short, long, value_name = "DURATION", value_parser = lifetime::sliding)]
    pub(crate) auto: Option<Span>,

    /// Restrict the token to a node and what is below it, with PERM one of r, w, rw; repeat it or separate by commas
    /// [default: full access]
    #[arg(short, long = "scope", value_name = "node:UUID:PERM", value_delimiter = ',', value_parser = scope)]
    pub(crate) scopes: Vec<Scope>,

    /// What the token is for
    #[arg(short, long, value_name = "TEXT")]
    pub(crate) label: Option<Label>,

    /// Who issues it, for the record [default: the user of the operating system]
    #[arg(long, value_name = "NAME")]
    pub(crate) issuer: Option<Actor>,

    /// A name for this request, best a UUID. A repeat within 24 hours for the same user by the same issuer issues no second
    /// token: the command shows the id of the first one and exits with 1, because the text of a token is not kept. For
    /// another user or issuer, it is another key
    #[arg(long, value_name = "KEY")]
    pub(crate) idempotency_key: Option<IdempotencyKey>,

    /// Print the token and nothing else
    #[arg(short, long, conflicts_with_all = ["json", "output"])]
    pub(crate) quiet: bool,
}

/// A scope of a list, which may have blanks between the separators.
fn scope(text: &str) -> Result<Scope, String> {
    match text.trim() {
        "" => Err("it is empty: write node:UUID:PERM, and one comma between two".into()),
        text => text.parse().map_err(|error: ScopeError| error.to_string()),
    }
}

const ISSUE_EXAMPLES: &str = "\
Examples:
  A token that lasts 24 hours:
    token-cli user token -u admin -e 24h
  A token that lasts as long as it is used every 10 minutes, but 28 days at most:
    token-cli user token -u admin -a 10m -e 28d
  A token that can only read one folder and what is below it:
    token-cli user token -u admin -e 24h -s node:6f9619ff-8b86-d011-b42d-00cf4fc964ff:r";
