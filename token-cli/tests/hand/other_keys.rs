//! Tokens and records of a key version that the key file of this node lacks.

use serde_json::Value;

use crate::kit::{Cli, Ran, id};

/// A key file with one key of this version.
fn keys(cli: &Cli, version: char) -> String {
    let path =
        cli.file(&format!("keys-{version}"), format!("{version} {}\n", version.to_string().repeat(64)));
    path.display().to_string()
}

fn text(token: &Value) -> &str {
    token["token"].as_str().unwrap()
}

fn kind(ran: &Ran) -> Value {
    let said: Value = serde_json::from_str(&ran.stderr).unwrap();
    said.pointer("/error/kind").unwrap().clone()
}

#[test]
fn a_token_of_a_missing_key_is_not_malformed() {
    let cli = Cli::new();
    let token = cli.issue(&format!("-u admin -e 1h --key-file {}", keys(&cli, '1')));
    let lacking = format!("--json --key-file {}", keys(&cli, '2'));
    let read = cli.issue(&format!("-u admin -e 1h --key-file {}", keys(&cli, '2')));
    for dry_run in ["--dry-run", ""] {
        let input = format!("{}\n{}\n", text(&token), text(&read));
        let ran = cli.run_with(&format!("revoke --stdin {dry_run} {lacking}"), &input);
        assert_eq!((ran.code, &ran.json()[0]["outcome"]), (3, &"failed".into()), "{ran:?}");
        assert!(ran.json()[0]["error"].as_str().unwrap().contains("key version"), "{ran:?}");
        assert_eq!(ran.json()[1]["id"], read["id"], "the others are revoked: {ran:?}");
        assert_eq!(kind(&ran), "missing_key", "{ran:?}");
    }
    for command in ["validate", "validate --peek", "validate -q"] {
        let ran = cli.run_with(&format!("{command} {lacking}").replace("-q --json", "-q"), text(&token));
        assert_eq!((ran.code, ran.stdout.as_str()), (3, ""), "{command}: {ran:?}");
        assert!(ran.stderr.contains("key version"), "{command}: {ran:?}");
    }
    for command in ["show", "confirm"] {
        let ran = cli.run(&format!("{command} {} {lacking}", id(&token)));
        assert_eq!((ran.code, kind(&ran)), (3, "corrupt".into()), "{command}: {ran:?}");
        assert!(ran.stderr.contains("give this node the key file"), "{command}: {ran:?}");
    }
    assert_eq!(cli.run(&format!("revoke {} {lacking}", id(&token))).code, 0, "its id is enough");
}

#[test]
fn a_token_of_the_public_key_is_told_from_an_invention() {
    let cli = Cli::new();
    let keyed = keys(&cli, '1');
    cli.issue(&format!("-u admin -e 1h --key-file {keyed}"));
    // Made with the public key in another deployment.
    let public = "tok_005SWQajQtAyglOLxJtIVH8v0ZmvsBM0sxAyopWf6vJvz8L9dx4b";
    let ran = cli.run_with(&format!("validate --key-file {keyed}"), public);
    assert_eq!(ran.code, 3, "{ran:?}");
    assert!(ran.stderr.contains("without a key file"), "{ran:?}");
    let ran = cli.run_with(&format!("validate --key-file {keyed}"), public.replace("4b", "5b"));
    assert_eq!(ran.code, 1, "its check characters do not fit: {ran:?}");
}

#[test]
fn a_dry_run_tells_what_a_revoke_does_to_unreadable_ones() {
    let cli = Cli::new();
    let token = cli.issue(&format!("-u admin -e 1h --key-file {}", keys(&cli, '1')));
    let lacking = format!("--json --key-file {}", keys(&cli, '2'));
    for chosen in [id(&token), "-u admin"] {
        let ran = cli.run(&format!("revoke {chosen} --dry-run {lacking}"));
        assert_eq!((ran.code, &ran.json()[0]["outcome"]), (0, &"would_be_revoked".into()), "{ran:?}");
    }
    let ran = cli.run(&format!("revoke {0} {0} --dry-run {lacking}", id(&token)));
    assert_eq!(ran.json()[1]["outcome"], "already_revoked", "{ran:?}");
    assert_eq!(cli.run(&format!("revoke {} {lacking}", id(&token))).code, 0);
    for dry_run in ["--dry-run", ""] {
        let ran = cli.run(&format!("revoke -u admin {dry_run} {lacking}"));
        assert_eq!((ran.code, &ran.json()[0]["outcome"]), (0, &"nothing_to_revoke".into()), "{ran:?}");
    }
}
