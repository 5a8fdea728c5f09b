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
    on_terminal_of(cli, (columns, 24), typed, arguments, variables)
}

/// The same on a terminal of these columns and rows.
fn on_terminal_of(
    cli: &Cli,
    (columns, rows): (u16, u16),
    typed: &str,
    arguments: &[&str],
    variables: &[(&str, &str)],
) -> Ran {
    let output = Command::new("python3")
        .args([concat!(env!("CARGO_MANIFEST_DIR"), "/tests/hand/terminal.py")])
        .args([&format!("{columns}x{rows}"), typed])
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
fn a_terminal_without_rows_still_has_columns() {
    let cli = Cli::new();
    cli.issue("-u admin -e 1h");
    let ran = on_terminal_of(&cli, (60, 0), "", &["list", "admin"], &[]);
    assert!(ran.code == 0 && ran.stdout.lines().all(|line| line.chars().count() <= 60), "{ran:?}");
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

#[test]
fn a_signal_at_a_hidden_prompt_restores_the_terminal() {
    let cli = Cli::new();
    cli.issue("-u admin -e 1h");
    for (how, ended) in [("key", -2), ("2", -2), ("15", -15), ("1", -1)] {
        for arguments in ["validate", "revoke --stdin"] {
            let output = Command::new("python3")
                .args([concat!(env!("CARGO_MANIFEST_DIR"), "/tests/hand/interrupted.py"), how])
                .arg(env!("CARGO_BIN_EXE_token-cli"))
                .args(arguments.split(' '))
                .env_clear()
                .envs([("PATH", "/usr/bin:/bin"), ("TERM", "xterm-256color")])
                .env("HOME", cli.home())
                .output()
                .unwrap();
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
            let seen = String::from_utf8(output.stdout).unwrap();
            assert_eq!(seen.trim(), format!("{ended} True"), "{arguments}, {how}");
        }
    }
}

const LABEL: &str = "the nightly backup of everything that the finance department keeps";

#[test]
fn tables_fit_every_terminal_and_ids_stay_whole() {
    let cli = Cli::new();
    let scope = "node:6f9619ff-8b86-d011-b42d-00cf4fc964ff:r";
    let ran = cli.run_in(
        ["issue", "-u", "管理者", "-a", "1h", "-e", "9d", "-l", LABEL, "-s", scope, "--json"],
        &[],
        "",
    );
    let token = ran.json();
    for columns in [20, 40, 60, 80, 100, 120, 200] {
        for (arguments, code) in [
            (vec!["list", "管理者"], 0),
            (vec!["show", id(&token)], 0),
            (vec!["revoke", "--dry-run", id(&token)], 0),
            (vec!["doctor"], 0),
            (vec!["doctor", "--verbose"], 0),
            (vec!["show", "mistyped"], 2),
            (vec!["issue", "-u", "x"], 2),
            (vec!["serve", "--confirm", "x"], 2),
        ] {
            let ran = on_terminal(&cli, columns, "", &arguments, &[("NO_COLOR", "1")]);
            assert_eq!(ran.code, code, "{columns} columns, {arguments:?}: {ran:?}");
            let shown = ran.stdout;
            assert!(!shown.trim().is_empty(), "{columns} columns, {arguments:?}");
            for line in shown.lines() {
                let width = line.chars().map(|c| if c > '\u{2e80}' { 2 } else { 1 }).sum::<usize>();
                // What has no room beside its name in any layout: an id, a scope, the parts of a usage.
                let is_one_word = line.split_whitespace().nth(2).is_none();
                assert!(
                    columns < 40 || width <= usize::from(columns) || is_one_word,
                    "{columns} columns, {arguments:?}: {line}"
                );
            }
        }
        assert!(on_terminal(&cli, columns, "", &["list", "管理者"], &[]).stdout.contains(id(&token)));
    }
}

#[test]
fn a_token_that_is_shown_is_whole_on_every_terminal() {
    let cli = Cli::new();
    for columns in [20, 80] {
        let ran = on_terminal(&cli, columns, "", &["issue", "-u", "admin", "-e", "1h", "-l", LABEL], &[]);
        let token = ran.stdout.lines().find(|line| line.starts_with("tok_")).unwrap().to_owned();
        assert_eq!(cli.run_with("validate", &token).code, 0);
        let advice = ran.stdout.lines().find(|line| line.trim_start().starts_with("curl -H")).unwrap();
        assert!(advice.ends_with("\"Authorization: Bearer $TOKEN\""), "a command is not broken: {advice}");
    }
}

#[test]
fn all_that_is_said_of_a_new_token_fits_the_terminal() {
    let cli = Cli::new();
    let first = on_terminal(&cli, 40, "", &["issue", "-u", "admin", "-e", "1h", "-q"], &[]).stdout;
    assert!(first.lines().any(|line| line.trim() == "created a new store at"), "paths stay whole: {first}");
    for columns in [40, 60, 80] {
        for arguments in [
            vec!["issue", "-u", "admin", "-e", "1h", "-l", LABEL],
            vec!["bench", "--for", "1s", "--tokens", "10", "--rate", "20"],
            vec!["bench", "--for", "1s", "--tokens", "10", "--callers", "1"],
        ] {
            let shown = on_terminal(&cli, columns, "", &arguments, &[("NO_COLOR", "1")]).stdout;
            // What is drawn over in place is no line, and what is to be copied is not broken.
            let lines = shown.lines().filter(|line| !line.contains('\u{1b}'));
            let prose = lines.filter(|line| !line.starts_with("tok_") && !line.contains("curl"));
            for line in prose {
                assert!(line.chars().count() <= usize::from(columns), "{columns}, {arguments:?}: {line}");
            }
        }
    }
    let piped = cli.run("issue -u admin -e 1h").stdout;
    let prose = piped.lines().filter(|line| !line.contains("curl"));
    assert!(prose.map(str::len).all(|length| length <= 80), "{piped}");
}

/// The short help is what people look at first. Flags and what they take are not broken, on narrow terminals neither.
#[test]
fn help_fits_a_usual_terminal() {
    let cli = Cli::new();
    for command in ["", "issue", "validate", "list", "revoke", "serve", "doctor", "bench"] {
        for help in ["-h", "--help"] {
            let arguments: Vec<_> = command.split_whitespace().chain([help]).collect();
            let shown = on_terminal(&cli, 80, "", &arguments, &[("NO_COLOR", "1"), ("TERM", "dumb")]).stdout;
            for line in shown.lines() {
                assert!(line.chars().count() <= 80, "{arguments:?}: {line}");
            }
        }
    }
}

#[test]
fn a_pipe_has_no_columns() {
    let cli = Cli::new();
    cli.run_in(["issue", "-u", "admin", "-e", "1h", "-l", LABEL], &[], "");
    let listed = cli.run("list admin").stdout;
    assert_eq!(listed.lines().count(), 2, "{listed}");
    let narrow = cli.run_in(["list", "admin"], &[("COLUMNS", "80")], "").stdout;
    assert!(narrow.lines().all(|line| line.len() <= 80), "{narrow}");
}

#[test]
fn findings_are_in_colour_only_on_a_terminal_that_wants_it() {
    let cli = Cli::new();
    cli.issue("-u admin -e 1h");
    let shown = |variables: &[(&str, &str)]| on_terminal(&cli, 80, "", &["doctor"], variables).stdout;
    assert!(shown(&[]).contains("\u{1b}["));
    assert!(!shown(&[("NO_COLOR", "1")]).contains('\u{1b}'));
    assert!(!shown(&[("TERM", "dumb")]).contains('\u{1b}'));
    assert!(!cli.run("doctor").stdout.contains('\u{1b}'));
    assert!(!on_terminal(&cli, 80, "", &["doctor", "--json"], &[]).stdout.contains('\u{1b}'));
}

#[test]
fn a_usage_names_no_flag_that_was_not_typed() {
    let cli = Cli::new();
    let variables =
        [("TOKEN_STORE", "redis://127.0.0.1:1"), ("TOKEN_LISTEN", "127.0.0.1:1"), ("TOKEN_PREFIX", "pat")];
    for arguments in [
        "serve --bogus",
        "serve --listen-cert x",
        "user token -e 1h",
        "list a b c",
        "validate --ancestor x --bogus",
    ] {
        let ran = cli.run_in(arguments.split(' '), &variables, "");
        assert_eq!(ran.code, 2, "{ran:?}");
        for flag in ["--store", "--listen ", "--prefix", "--namespace", "--at-once", "--realm"] {
            assert!(!ran.stderr.contains(flag), "{arguments}: {}", ran.stderr);
        }
    }
}
