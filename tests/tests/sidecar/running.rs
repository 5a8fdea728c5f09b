//! A running sidecar, and direct access to its store.

use std::path::Path;

use serde_json::Value;
use token_tests::programs::{Cli, Daemon};
use token_tests::servers::Standalone;

/// `token-cli serve` with its own server. Both end on drop.
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

    /// Its URL, as `http://HOST:PORT`.
    pub(crate) fn address(&self) -> String {
        self.sidecar.url()
    }

    /// Runs the command on the same store.
    pub(crate) async fn run(&self, arguments: &str) -> Value {
        self.cli.run(&format!("{arguments} --json"), "").await.json()
    }

    /// A folder for files of the test.
    pub(crate) fn home(&self) -> &Path {
        self.cli.home()
    }

    /// Its log.
    pub(crate) fn log(&self) -> String {
        self.sidecar.said()
    }
}
