//! What looks like a token and is none.

use crate::kit::{Cli, id};

const HASHES: [&str; 3] = [
    "5f2d3c0a9b8e7f6a5b4c3d2e1f0a9b8c7d6e5f4a",
    "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0bcd9b5f2b6a7f6d1e0c2a",
    "sha_9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0bcd9b5f2b",
];

#[test]
fn a_hash_is_a_label_a_user_and_a_reason() {
    let cli = Cli::new();
    for hash in HASHES {
        let label = format!("build {hash}");
        let ran = cli.run_in(["issue", "-u", hash, "-e", "1h", "-l", &label, "--json"], &[], "");
        assert_eq!(ran.code, 0, "{ran:?}");
        assert_eq!(ran.json()["label"], label);
        let why = format!("leaked in {hash}");
        let revoked = cli.run_in(["revoke", id(&ran.json()), "--why", &why], &[], "");
        assert_eq!(revoked.code, 0, "{revoked:?}");
        assert_eq!(cli.run_in(["list", "-u", hash], &[], "").code, 0);
    }
}

#[test]
fn a_hash_in_a_variable_is_no_token() {
    let cli = Cli::new();
    cli.issue("-u admin -e 1h");
    for name in ["TOKEN_BUILD", "TOKEN_REALM", "TOKEN_OF_CI"] {
        let ran = cli.run_in(["list", "-u", "admin"], &[(name, HASHES[1])], "");
        assert_eq!(ran.code, 0, "{name}: {ran:?}");
    }
    let store = format!("redis://:{}@127.0.0.1:1", HASHES[2]);
    let ran = cli.run_in(["list", "-u", "admin"], &[("TOKEN_STORE", &store)], "");
    assert_eq!(ran.code, 3, "the store is asked: {ran:?}");
}

#[test]
fn a_real_token_is_refused_in_every_place() {
    let cli = Cli::new();
    let token = cli.issue("-u admin -e 1h");
    let token = token["token"].as_str().unwrap();
    let (why, label) = (format!("leaked: {token}."), format!("x{token}"));
    for arguments in [
        vec!["revoke", "3l51xk1fgfw2k28rm7smxkaqntg3", "--why", &why],
        vec!["issue", "-u", "admin", "-e", "1h", "-l", &label],
        vec!["list", "-u", token],
        vec!["show", token],
    ] {
        let ran = cli.run_in(&arguments, &[], "");
        assert_eq!(ran.code, 2, "{arguments:?}");
        assert!(ran.stderr.contains("a token was given") && !ran.stderr.contains(token), "{ran:?}");
    }
    let ran = cli.run_in(["list", "-u", "admin"], &[("TOKEN_NAMESPACE", token)], "");
    assert_eq!(ran.code, 2);
    assert!(!ran.stderr.contains(token), "{ran:?}");
}

#[test]
fn a_token_of_another_prefix_is_known_by_the_keys() {
    let cli = Cli::new();
    let token = cli.issue("-u admin -e 1h --prefix pat");
    let ran = cli.run(&format!("show {}", token["token"].as_str().unwrap()));
    assert_eq!(ran.code, 2);
    assert!(ran.stderr.contains("a token was given as an argument"), "{ran:?}");
}
