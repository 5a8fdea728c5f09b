//! The clients: curl, and cadaver, which speaks WebDAV.

use std::path::Path;
use std::process::{Output, Stdio};

use token_tests::programs::program;
use tokio::io::AsyncWriteExt;
use tokio::process::Command;

/// What a server answered.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: String,
    pub(crate) body: String,
}

impl Answer {
    /// The value of a header, if it is there.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.lines().find_map(|line| {
            let (key, value) = line.split_once(':')?;
            key.eq_ignore_ascii_case(name).then_some(value.trim())
        })
    }
}

/// How a client presents its token.
#[derive(Debug, Clone, Copy)]
pub(crate) enum With<'a> {
    Nothing,
    Bearer(&'a str),
    Password(&'a str, &'a str),
}

/// Asks with curl; what is secret goes in by standard input, as the README shows it.
pub(crate) async fn curl(url: &str, with: With<'_>, arguments: &[&str]) -> Answer {
    let secret = match with {
        With::Nothing => String::new(),
        With::Bearer(token) => format!("header = \"Authorization: Bearer {token}\"\n"),
        With::Password(user, token) => format!("user = \"{user}:{token}\"\n"),
    };
    let mut command = Command::new(program("curl", "curl"));
    command.args(["--silent", "--show-error", "--max-time", "30", "--include", "--config", "-"]);
    let said = run(command.args(arguments).arg(url), &secret).await;
    let (headers, body) = said.split_once("\r\n\r\n").unwrap_or_else(|| panic!("no answer: {said:?}"));
    // A large upload is first told to go on.
    let (headers, body) = match body.split_once("\r\n\r\n") {
        Some(split) if headers.contains(" 100 ") => split,
        _ => (headers, body),
    };
    let status = headers.split(' ').nth(1).and_then(|status| status.parse().ok());
    Answer { status: status.expect("a status line"), headers: headers.into(), body: body.into() }
}

/// Does these things with cadaver, as a user whose password is the token, and answers what it said.
pub(crate) async fn cadaver(home: &Path, url: &str, user: &str, token: &str, script: &str) -> String {
    std::fs::write(home.join(".netrc"), format!("machine 127.0.0.1\nlogin {user}\npassword {token}\n"))
        .unwrap();
    let mut command = Command::new(program("cadaver", "cadaver"));
    command.arg(url).env("HOME", home).current_dir(home);
    run(&mut command, &format!("{script}\nquit\n")).await
}

async fn run(command: &mut Command, stdin: &str) -> String {
    let spawned = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
    let mut child = spawned.unwrap();
    let _ = child.stdin.take().unwrap().write_all(stdin.as_bytes()).await;
    let Output { stdout, stderr, .. } = child.wait_with_output().await.unwrap();
    format!("{}{}", String::from_utf8_lossy(&stdout), String::from_utf8_lossy(&stderr))
}
