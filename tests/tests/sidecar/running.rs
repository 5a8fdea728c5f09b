//! A sidecar that runs, and what can be asked of its store behind it.

use std::path::Path;

use serde_json::Value;
use token_tests::programs::{Cli, Daemon};
use token_tests::servers::Standalone;

/// `token-cli serve` on a server of its own. Both end when this is dropped.
pub(crate) struct Running {
    _server: Standalone,
    cli: Cli,
    sidecar: Daemon,
}

impl Running {
    pub(crate) async fn start(arguments: &str) -> Self {
        let server = Standalone::start().await;
        let cli = Cli::new(&server.url());
        let sidecar = cli.serve(&arguments.split_whitespace().collect::<Vec<_>>()).await;
        Self { _server: server, cli, sidecar }
    }

    /// Where it listens, as `http://HOST:PORT`.
    pub(crate) fn address(&self) -> String {
        self.sidecar.url()
    }

    /// Runs the command on the same store.
    pub(crate) async fn run(&self, arguments: &str) -> Value {
        self.cli.run(&format!("{arguments} --json"), "").await.json()
    }

    /// A folder to leave things in.
    pub(crate) fn home(&self) -> &Path {
        self.cli.home()
    }

    /// What it has logged.
    pub(crate) fn log(&self) -> String {
        self.sidecar.said()
    }
}
