//! `serve`: from flags to the settings of the server.

mod config;
mod config_file;
mod redacted;
mod settings;
mod store;

pub(crate) use self::config::with_file;
use crate::args::{Cli, ServeArgs, Settings};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::report::Report;

/// Runs the server until it has to stop.
pub(crate) async fn run(arguments: ServeArgs, settings: Settings) -> Result<Report, Failure> {
    let reread = || {
        let (arguments, settings) = config::reread()?;
        Ok(settings::of(&arguments, settings)?)
    };
    token_server::run(settings::of(&arguments, settings)?, reread).await?;
    Ok(Report::text(Exit::Done, String::new()))
}

/// The settings as they are in force, as a file for `--config`. Where traces go is looked at as for serving.
pub(crate) fn print_config(cli: &Cli, arguments: &ServeArgs) -> Result<Report, Failure> {
    token_server::check_traces(arguments.otlp_endpoint.as_deref())?;
    Ok(Report::text(Exit::Done, config::shown(cli)))
}
