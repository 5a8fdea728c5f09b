//! A token that nobody gets is not left alive.

use std::process::Command;

use serde_json::Value;

use crate::kit::{Cli, Ran};

/// Runs a line of bash, in which `$CLI` is the command.
fn bash(cli: &Cli, line: &str) -> Ran {
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
    cli.run("list -u admin --json").json().as_array().map_or(0, Vec::len)
}

#[test]
fn a_token_that_cannot_be_delivered_does_not_live() {
    let cli = Cli::new();
    cli.issue("-u first -e 1h");
    for command in ["user token", "admin user token", "issue"] {
        for form in ["", "-q", "--json"] {
            let issue = format!("\"$CLI\" {command} -u admin -e 1h {form}");
            for line in [
                format!("{issue} >&-"),
                format!("{issue} >&- 2>&-"),
                format!("{issue} <&- >&-"),
                format!("{issue} >/dev/full"),
                format!("{issue} >/dev/full 2>/dev/full"),
                format!("{issue} | true"),
                format!("{issue} | head -c 0"),
                // A reader that is there while the token is written, and goes without it.
                format!("{issue} | sleep 0.2"),
                format!("{issue} | head -c 20"),
            ] {
                let ran = bash(&cli, &line);
                assert_eq!(ran.code, 3, "{line}: {ran:?}");
                assert_eq!(live(&cli), 0, "{line}: {ran:?}");
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
    let id = ran.stderr.split_whitespace().find(|word| word.len() == 28).unwrap_or_default();
    let shown = cli.run(&format!("show {id} --json")).json();
    assert_eq!(
        (&shown["state"], &shown["why"]),
        (&"revoked".into(), &"it could not be delivered".into()),
        "{ran:?}"
    );
    assert_ne!(shown["revoked_by"], Value::from(""));
}

#[test]
fn other_commands_answer_without_standard_output() {
    let cli = Cli::new();
    let line = "\"$CLI\" issue -u admin -e 1h -q | \"$CLI\" validate >&-";
    assert_eq!(bash(&cli, line).code, 0);
}
