//! Paths as files of variables and editors leave them, and files that are not what they should be.

use crate::kit::{Cli, Ran};

/// What must not reach a terminal raw.
fn is_safe(ran: &Ran) -> bool {
    let unsafe_ones = |c: char| c != '\n' && (c.is_control() || c == '\u{202e}');
    !ran.stderr.contains(unsafe_ones)
}

#[test]
fn a_path_that_cannot_be_meant_is_refused_by_its_name() {
    let cli = Cli::new();
    for name in ["TOKEN_KEY_FILE", "TOKEN_TLS_CA"] {
        for (path, reason) in [
            ("/keys\r", "CRLF lines"),
            ("/k\u{1b}[2Jeys", "control character"),
            ("\"/keys\"", "quotation marks"),
            (" /keys", "blanks"),
        ] {
            let ran = cli.run_in(["list", "admin"], &[(name, path)], "");
            assert_eq!((ran.code, ran.stdout.as_str()), (2, ""), "{path:?}: {ran:?}");
            assert!(ran.stderr.contains(name) && ran.stderr.contains(reason), "{path:?}: {ran:?}");
            assert!(is_safe(&ran), "{path:?}: {ran:?}");
        }
    }
    let ran = cli.run_in(["validate", "--token-file", "/token\r"], &[], "");
    assert!(ran.code == 2 && ran.stderr.contains("CRLF lines") && is_safe(&ran), "{ran:?}");
}

#[test]
fn a_tilde_that_nothing_replaces_is_explained() {
    let cli = Cli::new();
    let variables = [("TOKEN_STORE", "redis://127.0.0.1:1"), ("TOKEN_KEY_FILE", "~/keys")];
    for ran in [
        cli.run_in(["list", "admin"], &variables, ""),
        cli.run("validate --token-file ~/token"),
        cli.run("new-key-file ~/keys"),
    ] {
        assert!(ran.code == 2 && ran.stderr.contains("write the whole path"), "{ran:?}");
    }
}

#[test]
fn a_path_cannot_forge_what_a_terminal_shows() {
    let cli = Cli::new();
    let ran = cli.run_in(["validate", "--token-file", "/x\u{202e}y"], &[], "");
    assert_eq!(ran.code, 2, "{ran:?}");
    assert!(ran.stderr.contains("/x\\u{202e}y") && is_safe(&ran), "{ran:?}");
}

#[test]
fn a_dash_is_no_token_file_and_says_what_to_do() {
    let ran = Cli::new().run_with("validate --token-file -", "tok_garbage");
    assert_eq!(ran.code, 2, "{ran:?}");
    assert!(ran.stderr.contains("leave --token-file out to read standard input"), "{ran:?}");
}

#[test]
fn a_key_file_that_cannot_be_made_says_what_to_do() {
    let cli = Cli::new();
    let there = cli.file("keys", "mine").display().to_string();
    let missing = cli.home().join("no/keys").display().to_string();
    for (path, advice) in [(&there, "may be the only copy"), (&missing, "make the folder first")] {
        let ran = cli.run_in(["new-key-file", path], &[], "");
        assert!(ran.code == 2 && ran.stderr.contains(advice), "{ran:?}");
    }
    assert_eq!(std::fs::read(there).unwrap(), b"mine");
}

#[test]
fn no_error_suggests_removing_a_file_that_is_no_socket() {
    let cli = Cli::new();
    cli.issue("-u admin -e 1h");
    let file = cli.file("notes", "mine");
    for (path, what) in [(cli.home(), "there is a folder"), (&file, "there is a file that is no socket")] {
        let ran = cli.run_in(["serve", "--listen", &format!("unix:{}", path.display())], &[], "");
        assert!(ran.code == 2 && ran.stderr.contains(what), "{ran:?}");
        assert!(!ran.stderr.contains("remove"), "{ran:?}");
    }
}

#[test]
fn an_encrypted_private_key_is_said_to_be_encrypted() {
    let cli = Cli::new();
    cli.issue("-u admin -e 1h");
    let pem = |kind: &str| format!("-----BEGIN {kind}-----\nAAAA\n-----END {kind}-----\n");
    let certificate = cli.file("cert", pem("CERTIFICATE")).display().to_string();
    let key = cli.file("key", pem("ENCRYPTED PRIVATE KEY")).display().to_string();
    let serve = ["serve", "--listen", "127.0.0.1:0", "--listen-cert", &certificate, "--listen-key", &key];
    let list = ["list", "admin", "--tls-cert", &certificate, "--tls-key", &key];
    for ran in [cli.run_in(serve, &[], ""), cli.run_in(list, &[("TOKEN_STORE", "rediss://127.0.0.1:1")], "")]
    {
        assert!(ran.code == 2 && ran.stderr.contains("openssl pkey -in"), "{ran:?}");
    }
}

#[test]
fn a_redis_socket_that_is_none_is_a_usage_error() {
    let cli = Cli::new();
    let file = cli.file("notes", "mine");
    for (path, what) in [(cli.home(), "is a folder"), (&file, "is a file that is no socket")] {
        let url = format!("redis+unix://{}", path.display());
        let ran = cli.run_in(["list", "admin"], &[("TOKEN_STORE", &url)], "");
        assert!(ran.code == 2 && ran.stderr.contains(what), "{ran:?}");
    }
}
