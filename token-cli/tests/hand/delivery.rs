//! A token that nobody gets is not left alive.

use std::process::Command;

use serde_json::Value;
use token_core::TokenId;

use crate::kit::{Cli, Ran};

/// Runs a line of bash, in which `$CLI` is the command.
pub(crate) fn bash(cli: &Cli, line: &str) -> Ran {
    let output = Command::new("bash")
        .args(["-c", &format!("set -o pipefail; {line}")])
        .env_clear()
        .envs([("PATH", "/usr/bin:/bin"), ("CLI", env!("CARGO_BIN_EXE_token-cli"))])
        .env("HOME", cli.home())
        .output()
        .unwrap();
    Ran {
        code: output.status.code().unwrap(),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

fn live(cli: &Cli) -> usize {
    let listed = cli.run("list -u admin --json");
    assert_eq!(listed.code, 0, "{listed:?}");
    listed.json().as_array().unwrap().len()
}

/// What the store keeps of the revoked token that standard error names.
fn taken_back(cli: &Cli, ran: &Ran) -> Value {
    let words = ran.stderr.split(|c: char| !c.is_ascii_alphanumeric());
    let ids: Vec<_> = words.filter(|word| word.parse::<TokenId>().is_ok()).collect();
    assert_eq!(ids.len(), 1, "one id is named: {ran:?}");
    let id = ids.concat();
    let shown = cli.run(&format!("show {id} --json"));
    assert_eq!(shown.code, 1, "{shown:?}");
    shown.json()
}

#[test]
fn a_token_that_cannot_be_delivered_does_not_live() {
    let cli = Cli::new();
    cli.issue("-u first -e 1h");
    for command in ["user token", "admin user token", "issue"] {
        for form in ["", "-q", "--json"] {
            let issue = format!("\"$CLI\" {command} -u admin -e 1h {form}");
            for line in [
                format!("{issue} >/dev/full"),
                format!("{issue} | true"),
                format!("{issue} | head -c 0"),
                // A reader that is there while the token is written, and goes without it.
                format!("{issue} | sleep 0.2"),
                format!("{issue} | head -c 20"),
            ] {
                let ran = bash(&cli, &line);
                assert_eq!((ran.code, live(&cli)), (3, 0), "{line}: {ran:?}");
                let taken_back = taken_back(&cli, &ran);
                assert_eq!((&taken_back["state"], &taken_back["user"]), (&"revoked".into(), &"admin".into()));
            }
            let line = format!("{issue} >/dev/full 2>/dev/full");
            let ran = bash(&cli, &line);
            assert_eq!((ran.code, live(&cli)), (3, 0), "{line}: {ran:?}");
        }
    }
}

#[test]
fn nothing_is_issued_without_standard_output() {
    let cli = Cli::new();
    cli.issue("-u first -e 1h");
    for command in ["user token", "admin user token", "issue"] {
        for form in ["", "-q", "--json"] {
            for (closed, said) in
                [(">&-", "nothing was issued: "), ("<&- >&-", "nothing was issued: "), (">&- 2>&-", "")]
            {
                let ran = bash(&cli, &format!("\"$CLI\" {command} -u admin -e 1h {form} {closed}"));
                assert_eq!((ran.code, live(&cli)), (3, 0), "{command} {form} {closed}: {ran:?}");
                assert!(ran.stderr.contains(said), "{command} {form} {closed}: {ran:?}");
            }
        }
    }
}

#[test]
fn a_reader_that_takes_the_token_and_goes_has_it() {
    let cli = Cli::new();
    for (number, line) in [
        "\"$CLI\" issue -u admin -e 1h | { read -r token; echo \"$token\"; }",
        "\"$CLI\" issue -u admin -e 1h | head -n 1",
        "\"$CLI\" issue -u admin -e 1h -q | { sleep 0.3; cat; }",
        "token=$(\"$CLI\" issue -u admin -e 1h -q) && echo \"$token\"",
        "\"$CLI\" issue -u admin -e 1h -q >token && cat token && rm token",
        "\"$CLI\" issue -u admin -e 1h -q | cat",
    ]
    .into_iter()
    .enumerate()
    {
        let ran = bash(&cli, &format!("cd && {line}"));
        assert_eq!(ran.code, 0, "{line}: {ran:?}");
        assert_eq!(cli.run_with("validate", &ran.stdout).code, 0, "{line}: {ran:?}");
        assert_eq!(live(&cli), number + 1);
    }
}

#[test]
fn throwing_a_token_away_is_a_wish() {
    let cli = Cli::new();
    assert_eq!(bash(&cli, "\"$CLI\" issue -u admin -e 1h >/dev/null").code, 0);
    assert_eq!(live(&cli), 1);
}

#[test]
fn a_token_taken_back_is_named_with_the_reason() {
    let cli = Cli::new();
    let ran = bash(&cli, "\"$CLI\" issue -u admin -e 1h >/dev/full");
    let shown = taken_back(&cli, &ran);
    assert_eq!(
        (&shown["state"], &shown["why"]),
        (&"revoked".into(), &"it could not be delivered".into()),
        "{ran:?}"
    );
    assert_eq!(ran.code, 3, "{ran:?}");
    let issuer = &cli.issue("-u admin -e 1h")["issuer"];
    assert!(issuer.as_str().is_some_and(|name| !name.is_empty()), "{issuer}");
    assert_eq!(&shown["revoked_by"], issuer, "the user of the operating system");
}

#[test]
fn an_answer_that_cannot_be_written_is_no_success() {
    let cli = Cli::new();
    cli.issue("-u admin -e 1h");
    for command in ["list admin", "help", "help issue", "--version", "version", "completions bash", "doctor"]
    {
        let ran = bash(&cli, &format!("\"$CLI\" {command} >/dev/full"));
        assert_eq!(ran.code, 3, "{command}: {ran:?}");
        assert!(ran.stderr.contains("cannot write to standard output"), "{command}: {ran:?}");
        // A reader that has seen enough.
        let line = format!("\"$CLI\" {command} | head -n 1 >/dev/null; exit ${{PIPESTATUS[0]}}");
        assert_eq!(bash(&cli, &line).code, 0, "{command}");
    }
}

#[test]
fn a_result_without_standard_output_is_no_success() {
    let cli = Cli::new();
    let issued = cli.issue("-u admin -e 1h");
    let id = issued["id"].as_str().unwrap();
    for command in [
        "list admin",
        &format!("show {id}"),
        &format!("confirm {id}"),
        "doctor",
        "revoke -u admin --dry-run",
        "version",
        "--version",
        "help",
        "completions bash",
        "serve --print-config",
    ] {
        for form in ["", "--json"] {
            let has_no_json = ["help", "completions bash", "serve --print-config"].contains(&command);
            if form == "--json" && has_no_json {
                continue;
            }
            let ran = bash(&cli, &format!("\"$CLI\" {command} {form} >&-"));
            assert_eq!(ran.code, 3, "{command} {form}: {ran:?}");
            assert!(ran.stderr.contains("cannot write to standard output"), "{command}: {ran:?}");
        }
    }
}

#[test]
fn a_change_that_cannot_be_reported_is_said_to_be_done() {
    let cli = Cli::new();
    cli.issue("-u admin -e 1h");
    let ran = bash(&cli, "\"$CLI\" revoke -u admin >/dev/full");
    assert_eq!((ran.code, live(&cli)), (3, 0), "{ran:?}");
    assert!(ran.stderr.contains("all of this is revoked, but it cannot be reported"), "{ran:?}");
    let ran = bash(&cli, "\"$CLI\" new-key-file ~/keys >/dev/full");
    assert_eq!((ran.code, cli.home().join("keys").exists()), (3, true), "{ran:?}");
    assert!(ran.stderr.contains("the key file is made, but it cannot be reported"), "{ran:?}");
}

#[test]
fn a_warning_and_a_lost_result_are_one_json_object() {
    let cli = Cli::new();
    cli.issue("-u admin -e 1h");
    let ran = bash(&cli, "echo tok_garbage | \"$CLI\" revoke --stdin --json >/dev/full");
    assert_eq!(ran.code, 3, "{ran:?}");
    let said: serde_json::Value = serde_json::from_str(&ran.stderr).unwrap();
    let message = said["error"]["message"].as_str().unwrap();
    assert!(message.contains("standard output") && message.contains("does not have the form"), "{message}");
}

#[test]
fn a_write_beyond_the_file_limit_is_an_error() {
    let cli = Cli::new();
    let ran = bash(&cli, "ulimit -f 0; \"$CLI\" help >~/help");
    assert_eq!(ran.code, 3, "{ran:?}");
    assert!(ran.stderr.contains("cannot write to standard output"), "{ran:?}");
}

#[test]
fn commands_answered_by_their_exit_code_need_no_standard_output() {
    let cli = Cli::new();
    cli.issue("-u admin -e 1h");
    for command in ["prune", "revoke -u nobody", "new-key-file ~/made"] {
        let ran = bash(&cli, &format!("\"$CLI\" {command} >&-"));
        assert_eq!((ran.code, ran.stderr.as_str()), (0, ""), "{command}");
    }
    assert!(cli.home().join("made").exists());
    for (token, code) in [("\"$CLI\" issue -u admin -e 1h -q", 0), ("echo tok_garbage", 1)] {
        let ran = bash(&cli, &format!("{token} | \"$CLI\" validate >&-"));
        assert_eq!((ran.code, ran.stderr.as_str()), (code, ""), "{token}");
    }
}
