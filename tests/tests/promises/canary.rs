//! P10: the secret exists once. The tests search for it in everything that is printed, logged, sent and stored.

use std::path::Path;

use token_core::spi::TokenStore;
use token_core::{Lifetime, Requirement, Revocation};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::command_line::Cli;
use crate::kit::{Deployment, issue, span, tokens_at};

/// The secret part of a token and its check characters, which must not appear anywhere else.
struct Canary(String);

impl Canary {
    fn of(token: &str) -> Self {
        Self(token.trim().to_owned())
    }

    /// Searches for any sixteen consecutive characters of the secret, as text and as hexadecimal digits.
    fn assert_absent(&self, bytes: &[u8], place: &str) {
        let secret = &self.0.as_bytes()[7..];
        for piece in secret.windows(16) {
            let hex: String = piece.iter().map(|byte| format!("{byte:02x}")).collect();
            for needle in [piece, hex.as_bytes()] {
                assert!(!contains(bytes, needle), "{place} contains the secret");
            }
        }
    }
}

fn contains(haystack: &[u8], needle: &[u8]) -> bool {
    haystack.windows(needle.len()).any(|window| window == needle)
}

fn assert_no_file_holds(canary: &Canary, directory: &Path) {
    let mut files = 0;
    let mut directories = vec![directory.to_owned()];
    while let Some(directory) = directories.pop() {
        for entry in std::fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                directories.push(path);
            } else {
                files += 1;
                canary.assert_absent(&std::fs::read(&path).unwrap(), &path.display().to_string());
            }
        }
    }
    assert!(files > 0, "there were files to search");
}

/// Runs all commands with the most detailed log; only the one line of the issue may contain the secret.
async fn what_the_command_says(cli: &Cli) -> Canary {
    let issued = cli.run("issue -u admin -a 10m -e 1h -q", "").await;
    let canary = Canary::of(&issued.stdout);
    canary.assert_absent(issued.stderr.as_bytes(), "the log of an issue");

    let (text, half) = (canary.0.as_str(), canary.0.split_at(40).0);
    let mut mistyped = text.to_owned();
    mistyped.pop();
    let calls = [
        ("validate".to_owned(), text),
        ("validate --json".to_owned(), text),
        ("validate -u root".to_owned(), text),
        ("validate --need node:6f9619ff-8b86-d011-b42d-00cf4fc964ff:r --peek".to_owned(), text),
        ("validate".to_owned(), mistyped.as_str()),
        ("validate --token-file /nowhere".to_owned(), text),
        ("list -u admin".to_owned(), ""),
        (format!("validate {text}"), ""),
        (format!("validate {half}"), ""),
        (format!("show {half}"), ""),
        (format!("revoke {text}"), ""),
        (format!("revoke {half}"), ""),
        ("validate --store redis://127.0.0.1:1".to_owned(), text),
        ("revoke --stdin".to_owned(), text),
        ("revoke --stdin --json".to_owned(), mistyped.as_str()),
        ("validate".to_owned(), text),
    ];
    for (arguments, stdin) in calls {
        let ran = cli.run(&arguments, stdin).await;
        let shown = arguments.replace(half, "HALF");
        canary.assert_absent(ran.stdout.as_bytes(), &format!("standard output of {shown}"));
        canary.assert_absent(ran.stderr.as_bytes(), &format!("standard error of {shown}"));
    }
    canary
}

#[tokio::test]
async fn the_secret_is_in_no_output_and_no_file_of_the_embedded_store() {
    let cli = Cli::embedded().with_log("trace");
    let canary = what_the_command_says(&cli).await;
    assert_no_file_holds(&canary, cli.home());
    // The same search finds a secret that exists.
    std::fs::write(cli.home().join("leak"), &canary.0).unwrap();
    let found = std::panic::catch_unwind(|| assert_no_file_holds(&canary, cli.home()));
    let found = found.unwrap_err();
    let said = found.downcast_ref::<String>().unwrap();
    assert!(said.contains("leak"), "the search names the file that has it: {said}");
}

#[tokio::test]
async fn the_secret_is_in_no_output_no_command_and_no_dump_of_redis() {
    let deployment = Deployment::standalone().await;
    let Deployment::Standalone(server) = &deployment else { unreachable!() };
    let mut monitor = TcpStream::connect(("127.0.0.1", server.port())).await.unwrap();
    monitor.write_all(b"MONITOR\r\n").await.unwrap();
    server.command::<()>(&["CONFIG", "SET", "slowlog-log-slower-than", "0"]).await;
    server.command::<()>(&["CONFIG", "SET", "appendonly", "yes"]).await;

    let cli = Cli::new(&server.url()).with_log("trace");
    let canary = what_the_command_says(&cli).await;
    // A token that is still live when the dump is made.
    let kept = Canary::of(&cli.run("issue -u admin -a 10m -q", "").await.stdout);
    assert_eq!(cli.run("validate", &kept.0).await.code, 0);

    server.command::<()>(&["ECHO", "the-end"]).await;
    let mut seen = Vec::new();
    while !contains(&seen, b"the-end") {
        assert!(monitor.read_buf(&mut seen).await.unwrap() > 0, "MONITOR goes on");
    }
    assert!(contains(&seen, b"EVALSHA") || contains(&seen, b"evalsha"), "MONITOR saw the commands");

    server.command::<()>(&["SAVE"]).await;
    let directory: Vec<String> = server.command(&["CONFIG", "GET", "dir"]).await;
    let slow: redis::Value = server.command(&["SLOWLOG", "GET", "-1"]).await;
    for canary in [&canary, &kept] {
        canary.assert_absent(&seen, "MONITOR");
        canary.assert_absent(format!("{slow:?}").as_bytes(), "the slow log");
        assert_no_file_holds(canary, Path::new(&directory[1]));
    }
}

#[tokio::test]
async fn the_secret_is_in_no_debug_output_error_or_panic() {
    let deployment = Deployment::standalone().await;
    let tokens = tokens_at(&deployment.url()).await;
    let issued = issue(&tokens, "admin", Lifetime::hard(span("1h"))).await;
    let text = issued.token.expose_secret();
    let canary = Canary::of(text);

    let verdict = tokens.validate(text, &Requirement::any()).await.unwrap();
    let malformed = tokens.parse(text.split_at(55).0).unwrap_err();
    let not_an_id = text.parse::<token_core::TokenId>().unwrap_err();
    let _ = tokens.store().revoke(issued.grant.id, &Revocation::default()).await.unwrap();
    let token_status = tokens.store().show(issued.grant.id).await.unwrap();
    let everything = format!(
        "{issued:?} {:?} {verdict:?} {malformed:?} {malformed} {not_an_id:?} {not_an_id} {token_status:?} {tokens:?}",
        tokens.parse(text)
    );
    canary.assert_absent(everything.as_bytes(), "Debug and Display");

    let panic = std::panic::catch_unwind(|| panic!("something went wrong with {issued:?}")).unwrap_err();
    canary.assert_absent(panic.downcast_ref::<String>().unwrap().as_bytes(), "a panic");
}
