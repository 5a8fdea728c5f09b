//! The command on a terminal.

use std::process::Command;

use crate::kit::{Cli, Ran, id};

/// Runs it on a terminal of so many columns; a line is typed at each prompt. All that is shown is in `stdout`.
pub(crate) fn on_terminal(
    cli: &Cli,
    columns: u16,
    typed: &str,
    arguments: &[&str],
    variables: &[(&str, &str)],
) -> Ran {
    let output = Command::new("python3")
        .args([concat!(env!("CARGO_MANIFEST_DIR"), "/tests/hand/terminal.py"), &columns.to_string(), typed])
        .arg(env!("CARGO_BIN_EXE_token-cli"))
        .args(arguments)
        .env_clear()
        .envs([("PATH", "/usr/bin:/bin"), ("TERM", "xterm-256color")])
        .env("HOME", cli.home())
        .envs(variables.iter().copied())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).unwrap();
    let (shown, code) = text.trim_end().rsplit_once('\n').unwrap();
    Ran { code: code.parse().unwrap(), stdout: shown.into(), stderr: String::new() }
}

#[test]
fn a_token_is_typed_unseen_and_ends_with_enter() {
    let cli = Cli::new();
    let token = cli.issue("-u admin -e 1h");
    let text = token["token"].as_str().unwrap();
    let ran = on_terminal(&cli, 80, &format!("{text}\n"), &["validate"], &[]);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(!ran.stdout.contains(text) && ran.stdout.contains("active"), "{ran:?}");
    let ran = on_terminal(&cli, 80, "\n", &["validate"], &[]);
    assert_eq!(ran.code, 2, "{ran:?}");
}

#[test]
fn tokens_to_revoke_are_typed_unseen_until_an_empty_line() {
    let cli = Cli::new();
    let tokens = [cli.issue("-u admin -e 1h"), cli.issue("-u admin -e 1h")];
    let lines: String =
        tokens.iter().map(|token| format!("{}\n", token["token"].as_str().unwrap())).collect();
    let ran = on_terminal(&cli, 80, &format!("{lines}\n"), &["revoke", "--stdin"], &[]);
    assert_eq!(ran.code, 0, "{ran:?}");
    for token in tokens {
        assert!(
            ran.stdout.contains(id(&token)) && !ran.stdout.contains(token["token"].as_str().unwrap()),
            "{ran:?}"
        );
        assert_eq!(cli.validate(&token, "").0, 1);
    }
}
