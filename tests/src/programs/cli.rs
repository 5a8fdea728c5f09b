//! Runs the command as people do.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};
use std::sync::OnceLock;

use rustix::process::Pid;
pub use rustix::process::Signal;
use serde_json::Value;
use tempfile::TempDir;
use tokio::io::AsyncWriteExt;
use tokio::process::{Child, Command};

use super::daemon::Daemon;

/// The content of the key file of every command, and of the stores that share its tokens.
pub const KEY_FILE: &str = "k 00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";

/// The command, with its own store, key file and home.
#[derive(Debug)]
pub struct Cli {
    home: TempDir,
    store: Option<String>,
    clock: Option<&'static str>,
    log: Option<&'static str>,
    has_key_file: bool,
    /// More environment variables, as `NAME=VALUE`.
    variables: Vec<String>,
}

/// The result of a command.
#[derive(Debug)]
pub struct Ran {
    /// Its exit code.
    pub code: i32,
    /// Its standard output.
    pub stdout: String,
    /// Its standard error.
    pub stderr: String,
}

impl Ran {
    /// Its standard output as JSON.
    ///
    /// # Panics
    /// It is not JSON.
    #[must_use]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|_| panic!("{}{}", self.stdout, self.stderr))
    }
}

impl Cli {
    /// The command on the store with this URL.
    #[must_use]
    pub fn new(store: &str) -> Self {
        Self { store: Some(store.to_owned()), ..Self::embedded() }
    }

    /// The command on the embedded store.
    ///
    /// # Panics
    /// Its home cannot be created.
    #[must_use]
    pub fn embedded() -> Self {
        let home = TempDir::new().unwrap();
        let keys = home.path().join("keys");
        std::fs::write(&keys, KEY_FILE).unwrap();
        #[cfg(unix)]
        std::fs::set_permissions(keys, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
        Self { home, store: None, clock: None, log: None, has_key_file: true, variables: Vec::new() }
    }

    /// Sets its clock off by this much, in a form of `faketime` such as `+1h`.
    #[must_use]
    pub fn with_clock(self, offset: &'static str) -> Self {
        Self { clock: Some(offset), ..self }
    }

    /// Runs it without a key file. Not for `serve`.
    #[must_use]
    pub fn without_key_file(self) -> Self {
        Self { has_key_file: false, ..self }
    }

    /// Sets the level of its log.
    #[must_use]
    pub fn with_log(self, level: &'static str) -> Self {
        Self { log: Some(level), ..self }
    }

    /// The path of the program, for tests that start it themselves.
    #[must_use]
    pub fn binary(&self) -> &Path {
        binary()
    }

    /// Its home directory.
    #[must_use]
    pub fn home(&self) -> &Path {
        self.home.path()
    }

    /// Issues a token for a user, with more arguments, and returns its text.
    ///
    /// # Panics
    /// It is not issued.
    pub async fn issue(&self, user: &str, arguments: &str) -> String {
        let ran = self.run(&format!("issue -u {user} {arguments} -q"), "").await;
        assert_eq!(ran.code, 0, "{}", ran.stderr);
        ran.stdout.trim().to_owned()
    }

    /// Starts `serve` on a free port, with more arguments, and waits until it answers.
    ///
    /// # Panics
    /// It does not start. The message ends with its log.
    pub async fn serve(&self, arguments: &[&str]) -> Daemon {
        let (program, arguments) = self.serving(arguments);
        Daemon::start(&program, arguments).await
    }

    /// The same with its output in this file, which may be a pipe or a device.
    ///
    /// # Panics
    /// It does not start.
    pub async fn serve_to(&self, log: &File, arguments: &[&str]) -> Daemon {
        let (program, arguments) = self.serving(arguments);
        let log = |_: &Path| log.try_clone().expect("another handle");
        Daemon::start_with_log(&program, |port, _| arguments(port), log).await
    }

    /// Adds a variable to its environment.
    #[must_use]
    pub fn with_variable(mut self, name: &str, value: &str) -> Self {
        self.variables.push(format!("{name}={value}"));
        self
    }

    /// The program, and its arguments for a port.
    fn serving(&self, arguments: &[&str]) -> (PathBuf, impl Fn(u16) -> Vec<String>) {
        let keys = self.home.path().join("keys").display().to_string();
        let store = self.store.as_ref().expect("a sidecar shares a store with others");
        let log = self.log.map(|level| format!("TOKEN_LOG={level}"));
        let mut before: Vec<String> = log.into_iter().chain(self.variables.iter().cloned()).collect();
        before.push(binary().display().to_string());
        let own = ["serve", "--store", store, "--key-file", &keys];
        let own: Vec<String> = own.iter().chain(arguments).map(|&argument| argument.to_owned()).collect();
        let arguments = move |port| {
            let listen = ["--listen".to_owned(), format!("127.0.0.1:{port}")];
            before.iter().chain(&own).cloned().chain(listen).collect()
        };
        ("/usr/bin/env".into(), arguments)
    }

    /// Starts `serve` with gRPC on a port that it chooses, and returns that port, too.
    ///
    /// # Panics
    /// It does not start. The message ends with its log.
    pub async fn serve_grpc(&self, arguments: &[&str]) -> (Daemon, u16) {
        let arguments = [&["--grpc", "127.0.0.1:0"], arguments].concat();
        let daemon = self.serve(&arguments).await;
        match daemon.until_it_says("listening for gRPC").await {
            Ok(line) => {
                let port = port_in(&line);
                (daemon, port)
            }
            Err(why) => panic!("the sidecar did not start: {why}: {}", daemon.said()),
        }
    }

    /// Runs it with these arguments, separated by spaces.
    ///
    /// # Panics
    /// It cannot be built or started.
    pub async fn run(&self, arguments: &str, stdin: &str) -> Ran {
        let mut running = self.start(arguments);
        // A command that refuses its arguments does not read its input: the pipe may be closed.
        let _ = running.child.stdin.take().unwrap().write_all(stdin.as_bytes()).await;
        running.until_it_ends().await
    }

    /// Starts it with these arguments, separated by spaces, and an open standard input.
    ///
    /// # Panics
    /// It cannot be built, or not be started.
    #[must_use]
    pub fn start(&self, arguments: &str) -> Running<'_> {
        let mut command = match self.clock {
            None => Command::new(binary()),
            Some(offset) => {
                let mut command = Command::new("faketime");
                command.args(["-f", offset]).arg(binary());
                command
            }
        };
        command.args(arguments.split_whitespace()).env("HOME", self.home.path()).env_remove("XDG_DATA_HOME");
        command.envs(self.variables.iter().filter_map(|variable| variable.split_once('=')));
        if let Some(store) = &self.store {
            command.env("TOKEN_STORE", store);
        }
        if self.store.is_some() && self.has_key_file {
            command.env("TOKEN_KEY_FILE", self.home.path().join("keys"));
        }
        if let Some(level) = self.log {
            command.env("TOKEN_LOG", level).env("RUST_BACKTRACE", "full");
        }
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
        let child = command.spawn().expect("the command runs (and faketime, which scripts/test.sh installs)");
        Running { child, _home: &self.home }
    }
}

/// A running command. It is killed on drop.
#[derive(Debug)]
pub struct Running<'a> {
    child: Child,
    /// Keeps its home as long as it runs.
    _home: &'a TempDir,
}

impl Running<'_> {
    /// Sends it a signal, unless it has ended.
    ///
    /// # Panics
    /// The system refuses.
    pub fn signal(&self, signal: Signal) {
        if let Some(process) = self.child.id().and_then(|id| Pid::from_raw(id.cast_signed())) {
            rustix::process::kill_process(process, signal).expect("it is not yet waited for");
        }
    }

    /// Whether it has ended.
    ///
    /// # Panics
    /// The system does not return its state.
    #[must_use]
    pub fn has_ended(&mut self) -> bool {
        self.child.try_wait().expect("it is ours").is_some()
    }

    /// Waits until it has ended, and returns its result.
    ///
    /// # Panics
    /// It was killed, or its output is not text.
    pub async fn until_it_ends(self) -> Ran {
        let Output { status, stdout, stderr } = self.child.wait_with_output().await.unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        Ran { code: status.code().unwrap(), stdout: text(stdout), stderr: text(stderr) }
    }
}

/// The port of the address in a line of the log.
fn port_in(line: &str) -> u16 {
    let (_, behind) = line.split_once("127.0.0.1:").expect("an address");
    behind.split(|c: char| !c.is_ascii_digit()).next().and_then(|port| port.parse().ok()).expect("a port")
}

/// The command, built from the current sources.
pub(super) fn binary() -> &'static PathBuf {
    static BINARY: OnceLock<PathBuf> = OnceLock::new();
    BINARY.get_or_init(|| {
        let mut build = std::process::Command::new(env!("CARGO"));
        build.args(["build", "--quiet", "--package", "token-cli", "--message-format", "json", "--locked"]);
        build.current_dir(env!("CARGO_MANIFEST_DIR"));
        let output = build.output().expect("cargo runs");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let messages = String::from_utf8(output.stdout).unwrap();
        let artifacts = messages.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        let binary =
            artifacts.filter_map(|artifact| artifact["executable"].as_str().map(PathBuf::from)).next_back();
        binary.expect("cargo says where the command is")
    })
}
