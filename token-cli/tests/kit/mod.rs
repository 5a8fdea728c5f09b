//! The command with a home of its own.

#![allow(dead_code, reason = "each test program uses a part of it")]

use std::ffi::OsStr;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;
use tempfile::TempDir;

/// The command, with a home of its own.
pub(crate) struct Cli {
    home: TempDir,
}

/// How it ended.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Cli {
    pub(crate) fn new() -> Self {
        Self { home: TempDir::new().unwrap() }
    }

    pub(crate) fn home(&self) -> &Path {
        self.home.path()
    }

    /// The command, with nothing of this process' environment.
    pub(crate) fn command(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_token-cli"));
        command.env_clear().env("HOME", self.home());
        command
    }

    /// Runs it with these arguments, separated by spaces.
    pub(crate) fn run(&self, arguments: &str) -> Ran {
        self.run_with(arguments, "")
    }

    pub(crate) fn run_with(&self, arguments: &str, stdin: impl AsRef<[u8]>) -> Ran {
        self.run_in(arguments.split_whitespace(), &[], stdin)
    }

    /// Runs it with arguments that may hold spaces, and with variables.
    pub(crate) fn run_in(
        &self,
        arguments: impl IntoIterator<Item = impl AsRef<OsStr>>,
        variables: &[(&str, &str)],
        stdin: impl AsRef<[u8]>,
    ) -> Ran {
        let mut command = self.command();
        command.args(arguments).envs(variables.iter().copied());
        let mut child =
            command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        // A command that refuses its arguments does not read: the pipe may be closed.
        let _ = child.stdin.take().unwrap().write_all(stdin.as_ref());
        let output = child.wait_with_output().unwrap();
        Ran {
            code: output.status.code().unwrap(),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }

    pub(crate) fn issue(&self, arguments: &str) -> Value {
        let ran = self.run(&format!("issue --json {arguments}"));
        assert_eq!(ran.code, 0, "{}", ran.stderr);
        ran.json()
    }

    pub(crate) fn validate(&self, token: &Value, arguments: &str) -> (i32, Value) {
        let ran = self.run_with(&format!("validate --json {arguments}"), token["token"].as_str().unwrap());
        (ran.code, ran.json())
    }

    /// A file in its home.
    pub(crate) fn file(&self, name: &str, bytes: impl AsRef<[u8]>) -> PathBuf {
        let path = self.home().join(name);
        std::fs::write(&path, bytes).unwrap();
        path
    }
}

impl Ran {
    pub(crate) fn json(&self) -> Value {
        assert_eq!(self.stdout.lines().count(), 1, "one line of JSON: {}{}", self.stdout, self.stderr);
        serde_json::from_str(&self.stdout).unwrap()
    }
}

pub(crate) fn id(token: &Value) -> &str {
    token["id"].as_str().unwrap()
}
