//! `doctor`.

use clap::Args;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use token_doctor::redis::Role;

/// Check that the store is set up so that tokens are safe in it.
///
/// Asks every server of the store for its state and changes nothing. Each problem is shown with what would be good and why
/// it matters. It works even if the store does not: a server that is down is a finding.
#[derive(Debug, Args)]
pub(crate) struct DoctorArgs {
    /// The role that the user in the store's URL should have: validator, issuer, admin or doctor [default: the one that
    /// the user is named after, else admin]
    #[arg(long, value_name = "ROLE", value_parser = role())]
    pub(crate) role: Option<Role>,

    /// Show each finding at each server, and explain the good ones too
    #[arg(short, long)]
    pub(crate) verbose: bool,
}

/// The roles by their names, which shells complete.
fn role() -> impl TypedValueParser<Value = Role> {
    PossibleValuesParser::new(["validator", "issuer", "admin", "doctor"]).try_map(|role| role.parse::<Role>())
}
