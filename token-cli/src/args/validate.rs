//! `validate`.

use std::path::PathBuf;

use clap::{Args, ValueHint};
use token_core::{Scope, Subject};
use uuid::Uuid;

/// Check whether a token is active; this counts as a use of it.
///
/// The token is read from standard input or from a file, never from the arguments, where others could read it. Blank
/// lines are ignored; further lines are refused.
#[derive(Debug, Args)]
pub(crate) struct ValidateArgs {
    /// Read the token from this file instead of standard input
    #[arg(long, value_name = "PATH", value_parser = crate::paths::parser(), value_hint = ValueHint::FilePath)]
    pub(crate) token_file: Option<PathBuf>,

    /// Require that the token speaks for this user
    #[arg(short, long, value_name = "USER")]
    pub(crate) user: Option<Subject>,

    /// Require this permission; repeat it to require several
    #[arg(long = "need", value_name = "node:UUID:PERM", value_delimiter = ',')]
    pub(crate) needs: Vec<Scope>,

    /// A folder that contains the needed node; repeat it for each folder up to the root
    #[arg(long = "ancestor", value_name = "UUID", value_delimiter = ',', requires = "needs", value_parser = node)]
    pub(crate) ancestors: Vec<Uuid>,

    /// Only look: do not extend a sliding token
    #[arg(long)]
    pub(crate) peek: bool,

    /// Print nothing: the exit code is the answer
    #[arg(short, long, conflicts_with_all = ["json", "output"])]
    pub(crate) quiet: bool,

    #[command(flatten)]
    pub(crate) misplaced: Misplaced,
}

/// Whatever is typed where a token might be expected: taken, so that no complaint repeats it.
#[derive(Debug, Args)]
pub(crate) struct Misplaced {
    #[arg(hide = true, value_name = "NOTHING")]
    pub(crate) arguments: Vec<String>,
}

fn node(text: &str) -> Result<Uuid, &'static str> {
    token_core::parse_node(text).ok_or("write a UUID as 32 hexadecimal digits with hyphens")
}
