//! A sidecar that runs, and what can be asked of its store behind it.

use std::path::Path;
use std::process::{Output, Stdio};
use std::sync::{Arc, Mutex};

use serde_json::Value;
use token_tests::command::binary;
use token_tests::servers::Standalone;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

const KEY_FILE: &str = "k 00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";

/// `token-cli serve` on a server of its own. Both end when this is dropped.
pub(crate) struct Running {
    server: Standalone,
    home: tempfile::TempDir,
    /// Where it listens, as `http://HOST:PORT`.
    pub(crate) address: String,
    log: Arc<Mutex<String>>,
    _sidecar: Child,
}

impl Running {
    pub(crate) async fn start(arguments: &str) -> Self {
        let (server, home) = (Standalone::start().await, tempfile::TempDir::new().unwrap());
        std::fs::write(home.path().join("keys"), KEY_FILE).unwrap();
        let mut command = command(&server, &home);
        command.args("serve --listen 127.0.0.1:0".split(' ')).args(arguments.split_whitespace());
        command.env("TOKEN_LOG", "info").env("NO_COLOR", "1");
        let mut sidecar = command.stderr(Stdio::piped()).kill_on_drop(true).spawn().unwrap();

        let mut lines = BufReader::new(sidecar.stderr.take().unwrap()).lines();
        let first = lines.next_line().await.unwrap().expect("it says where it listens");
        let address = first.split("address=").nth(1).unwrap_or_else(|| panic!("{first}"));
        let address = format!("http://{}", address.trim());
        let log = Arc::new(Mutex::new(String::new()));
        let written = log.clone();
        tokio::spawn(async move {
            while let Ok(Some(line)) = lines.next_line().await {
                *written.lock().unwrap() += &(line + "\n");
            }
        });
        Self { server, home, address, log, _sidecar: sidecar }
    }

    /// Runs the command on the same store.
    pub(crate) async fn run(&self, arguments: &str) -> Value {
        let arguments = arguments.split_whitespace();
        let Output { stdout, stderr, .. } =
            command(&self.server, &self.home).args(arguments).arg("--json").output().await.unwrap();
        serde_json::from_slice(&stdout).unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&stderr)))
    }

    /// A folder to leave things in.
    pub(crate) fn home(&self) -> &Path {
        self.home.path()
    }

    /// What it has logged since it began to listen.
    pub(crate) fn log(&self) -> String {
        self.log.lock().unwrap().clone()
    }
}

fn command(server: &Standalone, home: &tempfile::TempDir) -> Command {
    let mut command = Command::new(binary());
    command
        .env("HOME", home.path())
        .env("TOKEN_STORE", server.url())
        .env("TOKEN_KEY_FILE", home.path().join("keys"));
    command
}
