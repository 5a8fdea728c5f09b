//! `revoke`.

use clap::Args;
use token_core::{Actor, Label, Subject};

#[derive(Debug, Args)]
#[command(group = clap::ArgGroup::new("what").required(true))]
pub(crate) struct RevokeArgs {
    /// Ids of the tokens (not the tokens)
    #[arg(value_name = "ID", group = "what")]
    pub(crate) ids: Vec<String>,

    /// Revoke all tokens of this user, in one step
    #[arg(short, long, value_name = "USER", group = "what")]
    pub(crate) user: Option<Subject>,

    /// Revoke the tokens read from standard input, one a line
    #[arg(long, group = "what")]
    pub(crate) stdin: bool,

    /// Only show what would be revoked
    #[arg(long)]
    pub(crate) dry_run: bool,

    /// Who revokes, for the record [default: the user of the operating system]
    #[arg(long, value_name = "NAME")]
    pub(crate) by: Option<Actor>,

    /// Why, for the record
    #[arg(long, value_name = "TEXT")]
    pub(crate) why: Option<Label>,
}
