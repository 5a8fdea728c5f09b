//! Runs curl as the README shows it.

use std::process::{Output, Stdio};

use tokio::io::AsyncWriteExt;
use tokio::process::Command;

use super::daemon::program;

/// The response of a server.
#[derive(Debug)]
pub struct Answer {
    /// Its status.
    pub status: u16,
    /// Its head, as received.
    pub headers: String,
    /// Its body.
    pub body: String,
}

impl Answer {
    /// The value of a header, if there is one.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.lines().find_map(|line| {
            let (key, value) = line.split_once(':')?;
            key.eq_ignore_ascii_case(name).then_some(value.trim())
        })
    }
}

/// How a client presents a token.
#[derive(Debug, Clone, Copy)]
pub enum With<'a> {
    /// Not at all.
    Nothing,
    /// As a bearer token.
    Bearer(&'a str),
    /// As the password of this user.
    Password(&'a str, &'a str),
}

/// Sends a request with curl; secrets are passed on standard input, as the README shows it.
///
/// # Panics
/// There is no curl, or no response.
pub async fn curl(url: &str, with: With<'_>, arguments: &[&str]) -> Answer {
    let secret = match with {
        With::Nothing => String::new(),
        With::Bearer(token) => format!("header = \"Authorization: Bearer {token}\"\n"),
        With::Password(user, token) => format!("user = \"{user}:{token}\"\n"),
    };
    let mut command = Command::new(program("curl", "curl"));
    command.args(["--silent", "--show-error", "--max-time", "30", "--include", "--config", "-"]);
    let said = run(command.args(arguments).arg(url), &secret).await;
    let split = |text: &str| {
        let (head, rest) = text.split_once("\r\n\r\n").unwrap_or_else(|| panic!("no answer: {said:?}"));
        (head.to_owned(), rest.to_owned())
    };
    let status = |head: &str| head.split(' ').nth(1)?.parse::<u16>().ok();
    let (mut headers, mut body) = split(&said);
    // A large upload first gets responses with status 100, from the proxy and from the service behind it.
    while status(&headers).is_some_and(|status| status < 200) {
        (headers, body) = split(&body);
    }
    Answer { status: status(&headers).expect("a status line"), headers, body }
}

/// Runs a client with this standard input, and returns its output.
///
/// # Panics
/// It cannot be started.
pub async fn run(command: &mut Command, stdin: &str) -> String {
    let spawned = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
    let mut child = spawned.expect("it is installed");
    let _ = child.stdin.take().expect("a pipe").write_all(stdin.as_bytes()).await;
    let Output { stdout, stderr, .. } = child.wait_with_output().await.expect("it runs");
    format!("{}{}", String::from_utf8_lossy(&stdout), String::from_utf8_lossy(&stderr))
}
