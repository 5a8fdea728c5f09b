//! The life of a token, as a user of the command sees it, on the embedded store.

#![expect(clippy::unwrap_used, reason = "a test panics where it fails")]

mod kit;

use std::process::{Command, Stdio};

use serde_json::Value;

use kit::{Cli, id};

const NODE: &str = "6f9619ff-8b86-d011-b42d-00cf4fc964ff";
const FOLDER: &str = "00000000-0000-0000-0000-00000000000f";

#[test]
fn the_commands_cover_the_whole_life_of_a_token() {
    let cli = Cli::new();
    let token = cli.issue("-u admin -e 24h -l backup --issuer ops");

    let (code, active) = cli.validate(&token, "");
    assert_eq!((code, &active["active"], &active["user"]), (0, &true.into(), &"admin".into()));

    let shown = cli.run(&format!("show --json {}", id(&token)));
    assert_eq!((shown.code, &shown.json()["state"]), (0, &"live".into()));

    let listed = cli.run("list --json -u admin").json();
    assert_eq!((listed.as_array().unwrap().len(), &listed[0]["label"]), (1, &"backup".into()));

    let revoked = cli.run(&format!("revoke --json {} --by boss --why leaked", id(&token)));
    assert_eq!((revoked.code, &revoked.json()[0]["outcome"]), (0, &"revoked".into()));

    let (code, inactive) = cli.validate(&token, "");
    assert_eq!((code, &inactive["active"], &inactive["reason"]), (1, &false.into(), &"unknown".into()));

    let explained = cli.run(&format!("show --json {}", id(&token)));
    let json = explained.json();
    assert_eq!(explained.code, 1);
    assert_eq!(
        (&json["state"], &json["user"], &json["label"], &json["revoked_by"], &json["why"]),
        (&"revoked".into(), &"admin".into(), &"backup".into(), &"boss".into(), &"leaked".into())
    );
    assert_eq!(cli.run("list --json -u admin").json(), Value::Array(vec![]));
}

#[test]
fn the_json_of_an_issue_has_the_documented_fields_in_order() {
    let cli = Cli::new();
    let ran = cli.run(&format!(
        "issue --json -u admin -e 24h -a 10m -s node:{NODE}:r,node:{NODE}:w -l ci --issuer ops"
    ));
    let names: Vec<_> = ran.stdout.split("\":").map(|part| part.rsplit('"').next().unwrap()).collect();
    assert_eq!(
        names[..11],
        [
            "token",
            "id",
            "user",
            "scopes",
            "label",
            "issuer",
            "issued_at",
            "expires_at",
            "sliding_window_seconds",
            "max_expires_at",
            "confirmation",
        ]
    );
    let json = ran.json();
    assert_eq!(json["scopes"], serde_json::json!([format!("node:{NODE}:rw")]));
    assert_eq!(json["sliding_window_seconds"], 600);
    for time in ["issued_at", "expires_at", "max_expires_at"] {
        assert!(json[time].as_str().unwrap().ends_with('Z'), "{json}");
    }
    assert_eq!(cli.issue("-u admin -e 1h")["scopes"], Value::Null);
}

#[test]
fn quiet_prints_the_token_and_a_newline_and_nothing_else() {
    let cli = Cli::new();
    cli.issue("-u first -e 1h");
    for command in ["user token", "admin user token", "issue"] {
        let ran = cli.run(&format!("{command} -u admin -e 1h -q"));
        assert_eq!((ran.code, ran.stderr.as_str()), (0, ""));
        let token = ran.stdout.strip_suffix('\n').unwrap();
        assert_eq!((token.len(), token.contains(char::is_whitespace)), (56, false));
    }
}

#[test]
fn validate_can_require_a_user_a_permission_and_a_folder() {
    let cli = Cli::new();
    let token = cli.issue(&format!("-u admin -e 1h -s node:{FOLDER}:r"));
    assert_eq!(cli.validate(&token, "-u admin").0, 0);
    let (code, json) = cli.validate(&token, "-u root");
    assert_eq!((code, &json["reason"]), (1, &"wrong_subject".into()));

    assert_eq!(cli.validate(&token, &format!("--need node:{NODE}:r --ancestor {FOLDER}")).0, 0);
    let (code, json) = cli.validate(&token, &format!("--need node:{NODE}:r"));
    assert_eq!((code, &json["reason"]), (1, &"not_permitted".into()));
    assert_eq!(json["missing"], format!("node:{NODE}:r"));
    assert_eq!(cli.validate(&token, &format!("--need node:{FOLDER}:rw")).0, 1);
}

#[test]
fn a_use_prolongs_a_sliding_token_and_a_peek_does_not() {
    let cli = Cli::new();
    let token = cli.issue("-u admin -a 600");
    let (_, peeked) = cli.validate(&token, "--peek");
    assert_eq!(peeked["expires_at"], token["expires_at"]);
    let (_, used) = cli.validate(&token, "");
    assert!(used["expires_at"].as_str() > token["expires_at"].as_str());
}

#[test]
fn a_token_in_a_file_is_validated() {
    let cli = Cli::new();
    let token = cli.issue("-u admin -e 1h");
    let file = cli.home().join("token");
    std::fs::write(&file, format!("{}\r\n\r\n", token["token"].as_str().unwrap())).unwrap();
    assert_eq!(cli.run(&format!("validate --token-file {}", file.display())).code, 0);
    let missing = cli.run("validate --token-file /nowhere/token");
    assert_eq!(missing.code, 2);
    assert!(missing.stderr.contains("/nowhere/token"), "{}", missing.stderr);
}

#[test]
fn all_tokens_of_a_user_are_revoked_in_one_step() {
    let cli = Cli::new();
    let tokens = [cli.issue("-u admin -e 1h"), cli.issue("-u admin -a 1h")];
    let other = cli.issue("-u other -e 1h");
    let ran = cli.run("revoke --json --user admin");
    assert_eq!((ran.code, ran.json().as_array().unwrap().len()), (0, 2));
    assert!(tokens.iter().all(|token| cli.validate(token, "").0 == 1));
    assert_eq!(cli.validate(&other, "").0, 0);
    assert_eq!(cli.run("revoke --json --user admin").code, 0, "a repeat is no failure");
}

#[test]
fn tokens_are_revoked_by_themselves_from_standard_input() {
    let cli = Cli::new();
    let tokens = [cli.issue("-u admin -e 1h"), cli.issue("-u admin -e 2h")];
    let text = tokens.each_ref().map(|token| token["token"].as_str().unwrap().to_owned()).join("\n");
    let ran = cli.run_with("revoke --json --stdin", &text);
    assert_eq!((ran.code, ran.json().as_array().unwrap().len()), (0, 2), "{}", ran.stderr);
    assert!(tokens.iter().all(|token| cli.validate(token, "").0 == 1));
    let ran = cli.run_with("revoke --json --stdin", "no token\n");
    assert_eq!((ran.code, &ran.json()[0]["outcome"]), (1, &"malformed".into()));
    let said: serde_json::Value = serde_json::from_str(&ran.stderr).unwrap();
    assert_eq!(said["error"]["kind"], "malformed", "{}", ran.stderr);
}

#[test]
fn revoking_again_is_done_and_revoking_the_unknown_is_a_no() {
    let cli = Cli::new();
    let token = cli.issue("-u admin -e 1h");
    assert_eq!(cli.run(&format!("revoke {}", id(&token))).code, 0);
    let again = cli.run(&format!("revoke --json {}", id(&token)));
    assert_eq!((again.code, &again.json()[0]["outcome"]), (0, &"already_revoked".into()));
    let unknown = cli.run("revoke --json 3l51xk1fgfw2k28rm7smxkaqntg3");
    assert_eq!((unknown.code, &unknown.json()[0]["outcome"]), (1, &"unknown".into()));
    assert!(unknown.json()[0]["confirmation"]["level"].is_string(), "{unknown:?}");
}

#[test]
fn a_mistyped_id_revokes_nothing() {
    let cli = Cli::new();
    let token = cli.issue("-u admin -e 1h");
    assert_eq!(cli.run(&format!("revoke {} mistyped", id(&token))).code, 2);
    assert_eq!(cli.validate(&token, "").0, 0);
}

#[test]
fn a_token_as_an_argument_is_refused_without_being_repeated() {
    let cli = Cli::new();
    let token = cli.issue("-u admin -e 1h");
    let text = token["token"].as_str().unwrap();
    let half = text.split_at(40).0;
    for arguments in [
        format!("validate {text}"),
        format!("validate {half}"),
        format!("validate --token {text}"),
        format!("show {text}"),
        format!("show {half}"),
        format!("revoke {text}"),
        format!("revoke {half}"),
        format!("list -u {text}"),
        text.to_owned(),
    ] {
        let ran = cli.run(&arguments);
        assert_eq!(ran.code, 2, "{arguments}");
        assert!(!ran.stderr.contains(half) && !ran.stdout.contains(half), "{arguments}: {}", ran.stderr);
    }
    assert_eq!(cli.validate(&token, "").0, 0);
}

#[test]
fn errors_are_json_on_standard_error_when_json_is_asked_for() {
    let cli = Cli::new();
    let ran = cli.run("list --json -u admin --store redis://127.0.0.1:1");
    assert_eq!((ran.code, ran.stdout.as_str()), (3, ""));
    let json: Value = serde_json::from_str(&ran.stderr).unwrap();
    assert_eq!((&json["error"]["kind"], &json["error"]["retryable"]), (&"unavailable".into(), &true.into()));
}

#[test]
fn the_embedded_store_and_its_key_are_for_their_owner_only() {
    use std::os::unix::fs::PermissionsExt;
    let cli = Cli::new();
    cli.issue("-u admin -e 1h");
    let directory = cli.home().join(".local/share/token-store");
    let mode = |path: &std::path::Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&directory), 0o700);
    for file in ["tokens.db", "tokens.db.key"] {
        assert_eq!(mode(&directory.join(file)), 0o600, "{file}");
    }
}

#[test]
fn a_key_file_is_made_once_and_shared() {
    let cli = Cli::new();
    let path = cli.home().join("keys");
    let arguments = format!("new-key-file {}", path.display());
    assert_eq!(cli.run(&arguments).code, 0);
    let text = std::fs::read(&path).unwrap();
    assert_eq!(cli.run(&arguments).code, 2, "a key file is never written over");
    assert_eq!(std::fs::read(&path).unwrap(), text);

    let database = cli.home().join("other.db");
    let settings = format!("--store sqlite:{} --key-file {}", database.display(), path.display());
    let token = cli.issue(&format!("-u admin -e 1h {settings}"));
    assert_eq!(cli.validate(&token, &settings).0, 0);
    cli.issue("-u admin -e 1h");
    let (code, json) = cli.validate(&token, "");
    assert_eq!((code, &json["reason"]), (1, &"malformed".into()), "another key, another deployment");
}

/// The tour of the README, with what differs from run to run replaced by its name.
#[test]
fn the_commands_print_what_the_tour_shows() {
    let cli = Cli::new();
    let scope = format!("node:{NODE}:r");
    let issued = cli.run(&format!("user token -u ci -a 10m -e 28d -s {scope} -l nightly --issuer ops"));
    let token = issued.stdout.lines().next().unwrap();
    let listed = cli.run("list -u ci --json").json();
    let id = id(&listed[0]).to_owned();
    let told = |arguments: &str| {
        let ran = cli.run_with(arguments, token);
        let text = ran.stdout.replace(token, "TOKEN").replace(&id, "ID");
        let times = |word: &str| word.len() == 20 && word.starts_with("20") && word.ends_with('Z');
        let words = |line: &str| {
            line.split(' ').map(|word| if times(word) { "TIME" } else { word }).collect::<Vec<_>>().join(" ")
        };
        text.lines().map(|line| words(line) + "\n").collect::<String>()
    };
    let facts = format!(
        "  id       ID\n  user     ci\n  access   {scope}\n  label    nightly\n  issuer   ops\n  issued   TIME\n  \
         expires  TIME\n           each use extends it by 10m, at the latest until TIME\n"
    );
    assert_eq!(told("validate -u ci"), format!("active\n{facts}"));
    assert_eq!(
        told(&format!("validate --need node:{NODE}:w")),
        format!("inactive: the token's scopes do not cover node:{NODE}:w\n")
    );
    assert_eq!(told(&format!("show {id}")), format!("live\n{facts}"));
    let table = told("list -u ci");
    let mut rows = table.lines().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "));
    assert_eq!(rows.next().unwrap(), "ID ISSUED EXPIRES SLIDES BY AT THE LATEST LABEL ACCESS");
    assert_eq!(rows.next().unwrap(), format!("ID TIME TIME 10m TIME nightly {scope}"));

    let revoked = told(&format!("revoke {id} --by boss --why lost"));
    assert_eq!(revoked.split_whitespace().collect::<Vec<_>>(), ["ID", "OUTCOME", "ID", "revoked"]);
    assert_eq!(
        told("validate"),
        "inactive: no such live token: it has expired, was revoked, or was never issued here\n"
    );
    assert_eq!(
        told(&format!("show {id}")),
        "revoked at TIME by boss\n  id       ID\n  user     ci\n  label    nightly\n  why      lost\n"
    );
}

#[test]
fn too_much_input_is_refused_as_a_whole() {
    let cli = Cli::new();
    let token = cli.issue("-u admin -e 1h");
    let text = format!("{}\n{}", token["token"].as_str().unwrap(), "no token\n".repeat(120_000));
    let ran = cli.run_with("revoke --stdin", &text);
    assert_eq!((ran.code, ran.stdout.as_str()), (2, ""));
    assert_eq!(cli.validate(&token, "").0, 0, "nothing was revoked");
}

#[test]
fn a_token_that_could_not_be_printed_is_revoked_and_named() {
    let cli = Cli::new();
    let ran = Command::new(env!("CARGO_BIN_EXE_token-cli"))
        .args(["issue", "-u", "admin", "-e", "1h", "-q"])
        .env("HOME", cli.home())
        .env_remove("XDG_DATA_HOME")
        .stdout(std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap())
        .output()
        .unwrap();
    assert_eq!(ran.status.code(), Some(3));
    assert_eq!(cli.run("list -u admin --json").json(), Value::Array(vec![]));
    let said = String::from_utf8(ran.stderr).unwrap();
    let named = said.split_whitespace().find(|word| word.len() == 28).unwrap();
    let shown = cli.run(&format!("show {named} --json"));
    assert_eq!((shown.code, &shown.json()["state"]), (1, &"revoked".into()), "{said}");
    assert_eq!(shown.json()["why"], "it could not be delivered", "{said}");
}

#[test]
fn errors_about_arguments_are_json_too_if_json_was_requested() {
    let cli = Cli::new();
    for arguments in ["issue -u a -e 1.5d --json", "issue --json", "list --json --store redis://:pw@h -u a"] {
        let ran = cli.run(arguments);
        assert_eq!((ran.code, ran.stdout.as_str()), (2, ""), "{arguments}");
        let json: Value = serde_json::from_str(&ran.stderr).unwrap();
        assert_eq!(json["error"]["kind"], "usage", "{arguments}");
    }
}

#[test]
fn names_cannot_turn_a_table_around() {
    let cli = Cli::new();
    cli.issue("-u admin -e 1h -l a\u{202e}b\u{200b}");
    let listed = cli.run("list -u admin");
    assert!(listed.stdout.contains("a\\u{202e}b\\u{200b}"), "{}", listed.stdout);
}

#[test]
fn a_closed_pipe_is_no_failure() {
    let cli = Cli::new();
    let mut child = Command::new(env!("CARGO_BIN_EXE_token-cli"))
        .args(["completions", "bash"])
        .env("HOME", cli.home())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!((output.status.code(), output.stderr.as_slice()), (Some(0), b"".as_slice()));
}

#[test]
fn completions_and_man_pages_are_written() {
    let cli = Cli::new();
    for shell in ["bash", "zsh", "fish"] {
        let ran = cli.run(&format!("completions {shell}"));
        assert_eq!(ran.code, 0);
        assert!(ran.stdout.contains("new-key-file"));
    }
    let directory = cli.home().join("man");
    assert_eq!(cli.run(&format!("man {}", directory.display())).code, 0);
    for page in ["token-cli.1", "token-cli-issue.1", "token-cli-revoke.1"] {
        assert!(directory.join(page).exists(), "{page}");
    }
}
