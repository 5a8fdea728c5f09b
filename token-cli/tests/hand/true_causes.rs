//! Refusals name what is wrong, and where it comes from.

use std::path::Path;
use std::process::Command;

use crate::kit::{Cli, Ran};

fn said(ran: &Ran) -> String {
    ran.stderr.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn bash(cli: &Cli, script: &str) -> Ran {
    let mut bash = Command::new("bash");
    bash.args(["-c", script]).env_clear().env("HOME", cli.home()).env("PATH", "/usr/bin:/bin");
    let output = bash.env("CLI", env!("CARGO_BIN_EXE_token-cli")).output().unwrap();
    Ran {
        code: output.status.code().unwrap(),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

#[test]
fn half_of_a_client_certificate_is_named_by_its_variable() {
    let cli = Cli::new();
    cli.issue("-u admin -e 1h");
    for (given, missing) in [("TOKEN_TLS_KEY", "TOKEN_TLS_CERT"), ("TOKEN_TLS_CERT", "TOKEN_TLS_KEY")] {
        let ran = cli.run_in(["list", "admin"], &[(given, "/none")], "");
        assert_eq!(ran.code, 0, "the embedded store has no use for it: {ran:?}");
        let variables = [(given, "/none"), ("TOKEN_STORE", "rediss://127.0.0.1:1")];
        let ran = cli.run_in(["list", "admin"], &variables, "");
        assert_eq!(ran.code, 2, "{ran:?}");
        assert!(said(&ran).contains(&format!("{given} (--")) && said(&ran).contains(missing), "{ran:?}");
    }
    for (given, missing) in [("TOKEN_LISTEN_KEY", "LISTEN_CERT"), ("TOKEN_LISTEN_CERT", "LISTEN_KEY")] {
        let ran = cli.run_in(["serve", "--listen", "127.0.0.1:0"], &[(given, "/none")], "");
        assert_eq!(ran.code, 2, "{ran:?}");
        assert!(said(&ran).contains(&format!("{given} (--")) && said(&ran).contains(missing), "{ran:?}");
    }
}

#[test]
fn a_relative_home_makes_no_store() {
    let cli = Cli::new();
    let script = "cd ~ && HOME=here \"$CLI\" issue -u admin -e 1h";
    let ran = bash(&cli, script);
    assert_eq!(ran.code, 2, "{ran:?}");
    assert!(said(&ran).contains("HOME is no whole path"), "{ran:?}");
    assert_eq!(std::fs::read_dir(cli.home()).unwrap().count(), 0);
}

#[test]
fn a_value_that_begins_with_a_dash_is_taught() {
    let cli = Cli::new();
    cli.issue("-u admin -e 1h");
    for arguments in [
        "issue -e 1h -u -alice",
        "issue -e 1h --user -alice",
        "admin user token -e 1h -u -alice",
        "list -u -alice",
        "revoke -u -alice",
    ] {
        let ran = cli.run(arguments);
        assert_eq!(ran.code, 2, "{arguments}: {ran:?}");
        assert!(said(&ran).contains("write a value that begins with a dash as --user=-alice"), "{ran:?}");
    }
    assert_eq!(cli.issue("-e 1h --user=-alice")["user"], "-alice");
}

#[test]
fn what_stands_at_the_path_of_a_new_key_file_is_named() {
    let cli = Cli::new();
    let path = |name: &str| cli.home().join(name).display().to_string();
    let made = bash(
        &cli,
        "cd ~ && mkdir folder && mkfifo pipe && ln -s none link && ln -s keys alias && echo x >keys",
    );
    assert_eq!(made.code, 0, "{made:?}");
    for (there, what) in [
        (path("folder"), "there is a folder"),
        (path("pipe"), "what is there is no file"),
        ("/dev/null".to_owned(), "what is there is no file"),
        (path("link"), "a link to a file that does not exist"),
        (path("alias"), "the only copy of keys"),
        (path("keys"), "the only copy of keys"),
    ] {
        let ran = cli.run_in(["new-key-file", &there], &[], "");
        assert_eq!((ran.code, ran.stdout.as_str()), (2, ""), "{there}: {ran:?}");
        assert!(said(&ran).contains(what), "{there}: {ran:?}");
    }
    assert_eq!(std::fs::read_to_string(path("keys")).unwrap(), "x\n");
    assert!(Path::new(&path("link")).is_symlink() && !Path::new(&path("none")).exists());
}

#[test]
fn doctor_finds_no_room_and_no_keys_below_a_plain_file() {
    let cli = Cli::new();
    let file = cli.file("file", "").display().to_string();
    let ran = cli.run(&format!("doctor --json --store sqlite:{file}/t.db"));
    let findings = ran.json()["findings"].clone();
    for finding in findings.as_array().unwrap() {
        if ["room", "keys", "database"].contains(&finding["check"].as_str().unwrap()) {
            assert_eq!(finding["status"], "failure", "{finding}");
        }
    }
    assert_eq!(ran.code, 1, "{ran:?}");
}

#[test]
fn a_finding_has_no_escaped_line_break() {
    let cli = Cli::new();
    cli.issue("-u admin -e 1h");
    // SQLite describes a damaged page in several lines.
    let database = cli.home().join(".local/share/token-store/tokens.db");
    let mut bytes = std::fs::read(&database).unwrap();
    bytes.iter_mut().skip(4096).for_each(|byte| *byte = 0xAA);
    std::fs::write(&database, bytes).unwrap();
    let ran = cli.run("doctor");
    assert_eq!(ran.code, 1, "{ran:?}");
    assert!(ran.stdout.contains("integrity") && !ran.stdout.contains("\\u{a}"), "{ran:?}");
}

#[test]
fn star_beside_other_origins_is_refused() {
    let cli = Cli::new();
    for arguments in [
        vec!["--cors-origin", "*; https://a.example"],
        vec!["--cors-origin", "*", "--cors-origin", "https://a.example"],
        vec!["--cors-origin", "https://a.example;*"],
    ] {
        let ran = cli.run_in([&["serve", "--print-config"][..], &arguments].concat(), &[], "");
        assert!(ran.code == 2 && said(&ran).contains("* alone"), "{ran:?}");
    }
    let ran = cli.run_in(["serve", "--print-config", "--cors-origin", "*"], &[], "");
    assert_eq!(ran.code, 0, "{ran:?}");
}

#[test]
fn an_issuer_that_clients_refuse_is_refused() {
    let cli = Cli::new();
    for issuer in ["https://x:99999", "http://x", "https://x.", "https://:1", "https://x?y", "https://x "] {
        let ran = cli.run_in(["serve", "--print-config", "--issuer", issuer], &[], "");
        assert!(ran.code == 2 && said(&ran).contains("write https://HOST"), "{issuer}: {ran:?}");
    }
    assert_eq!(cli.run("serve --print-config --issuer https://x.example/t").code, 0);
}

#[test]
fn other_settings_are_one_kind_of_error_in_every_command() {
    let cli = Cli::new();
    let file = cli.file("file", "no database").display().to_string();
    for command in ["bench", "list a", "issue -u a -e 1h", "prune"] {
        let ran = cli.run(&format!("{command} --json --store redis://127.0.0.1:1/x?y=z --key-file {file}"));
        let error: serde_json::Value = serde_json::from_str(&ran.stderr).unwrap();
        assert_eq!((ran.code, &error["error"]["kind"]), (2, &"usage".into()), "{command}: {ran:?}");
        let ran = cli.run(&format!("{command} --json --store redis://127.0.0.1:1/0?y=z"));
        let error: serde_json::Value = serde_json::from_str(&ran.stderr).unwrap();
        assert_eq!((ran.code, &error["error"]["kind"]), (2, &"misconfigured".into()), "{command}: {ran:?}");
    }
}

#[test]
fn a_first_issue_without_room_leaves_no_key_file() {
    let cli = Cli::new();
    let ran = bash(&cli, "ulimit -f 4; \"$CLI\" issue -u admin -e 1h --store sqlite:$HOME/t.db");
    assert_eq!(ran.code, 3, "{ran:?}");
    assert_eq!(std::fs::read_dir(cli.home()).unwrap().count(), 0, "{ran:?}");
    let ran = bash(&cli, "\"$CLI\" issue -u admin -e 1h --store sqlite:$HOME/t.db");
    assert_eq!(ran.code, 0, "{ran:?}");
}

#[test]
fn no_hidden_flag_is_suggested() {
    let cli = Cli::new();
    for arguments in [["prune", "--broke"], ["prune", "--older"], ["list", "--brok"]] {
        let ran = cli.run_in(arguments, &[], "");
        assert!(ran.code == 2 && !ran.stderr.contains("--broker"), "{ran:?}");
    }
}

#[test]
fn a_usage_error_in_json_has_no_help_text() {
    let cli = Cli::new();
    let ran = cli.run_in(["list", "ci", "--nope", "--json"], &[], "");
    let error: serde_json::Value = serde_json::from_str(&ran.stderr).unwrap();
    let message = error["error"]["message"].as_str().unwrap();
    assert!(ran.code == 2 && message.contains("--nope") && !message.contains("Usage"), "{message}");
}

#[test]
fn a_store_key_in_the_settings_file_is_not_repeated() {
    let cli = Cli::new();
    let settings = cli.home().join("settings.toml");
    let key = "0123456789abcdef".repeat(4);
    std::fs::write(&settings, format!("key-file = \"1 {key}\"\n")).unwrap();
    let ran = cli.run_in(["serve", "--config", settings.to_str().unwrap()], &[], "");
    assert!(ran.code == 2 && said(&ran).contains("is the path of a file"), "{ran:?}");
    assert!(!said(&ran).contains("0123456789abcdef"), "{ran:?}");
}
