//! What is piped in where a token is expected.

use crate::kit::{Cli, id};

fn wrapped(token: &str) -> [String; 9] {
    [
        format!("Bearer {token}"),
        format!("Authorization: Bearer {token}\r\n"),
        format!("\"{token}\""),
        format!("'{token}'\n"),
        format!("TOKEN={token}"),
        format!("export TOKEN=\"{token}\"\n"),
        format!("{{\"token\":\"{token}\"}}"),
        format!("{token};"),
        format!("<{token}>"),
    ]
}

#[test]
fn validate_says_what_stands_around_a_token() {
    let cli = Cli::new();
    let token = cli.issue("-u admin -e 1h");
    let text = token["token"].as_str().unwrap();
    for input in wrapped(text) {
        let ran = cli.run_with("validate", &input);
        assert_eq!((ran.code, ran.stdout.as_str()), (2, ""), "{input:?}");
        assert!(ran.stderr.contains("more than a token") && !ran.stderr.contains(text), "{ran:?}");
    }
}

#[test]
fn validate_knows_a_token_id() {
    let cli = Cli::new();
    let token = cli.issue("-u admin -e 1h");
    let ran = cli.run_with("validate", id(&token));
    assert!(ran.code == 2 && ran.stderr.contains("token id") && ran.stderr.contains("show"), "{ran:?}");
}

#[test]
fn garbage_is_an_inactive_token_still() {
    let cli = Cli::new();
    cli.issue("-u admin -e 1h");
    for input in ["no token", "Bearer no-token", "\u{e9}", "a\"b"] {
        let ran = cli.run_with("validate --json", input);
        assert_eq!((ran.code, &ran.json()["reason"]), (1, &"malformed".into()), "{input}: {ran:?}");
    }
    assert_eq!(cli.run_with("validate -q", b"\xe9\xff").code, 1);
}

#[test]
fn validate_takes_one_line_and_ignores_none() {
    let cli = Cli::new();
    let token = cli.issue("-u admin -e 1h");
    let text = token["token"].as_str().unwrap();
    for input in [format!("{text}\n{text}\n"), format!("{text}\nrubbish"), format!("rubbish\n\n{text}")] {
        let ran = cli.run_with("validate", &input);
        assert_eq!((ran.code, ran.stdout.as_str()), (2, ""), "{input:?}: {ran:?}");
        assert!(ran.stderr.contains("several lines"), "{ran:?}");
        let path = cli.file("several", &input);
        assert_eq!(cli.run(&format!("validate --token-file {}", path.display())).code, 2);
    }
    for input in [format!("\n{text}"), format!("\r\n  {text} \r\n\r\n"), text.to_owned()] {
        assert_eq!(cli.run_with("validate -q", &input).code, 0, "blank lines are nothing: {input:?}");
    }
}

#[test]
fn the_error_says_that_the_input_has_no_token() {
    let cli = Cli::new();
    let token = cli.issue("-u admin -e 1h");
    let text = token["token"].as_str().unwrap();
    for input in ["", "\n\n", "  \t\r\n"] {
        for command in ["validate", "revoke --stdin"] {
            let ran = cli.run_with(command, input);
            assert!(ran.code == 2 && ran.stderr.contains("the input is empty"), "{command}: {ran:?}");
        }
    }
    let utf16 = text.encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<_>>();
    for input in [utf16, format!("{text}\0\n").into_bytes(), vec![0]] {
        let ran = cli.run_with("validate", input);
        assert!(ran.code == 2 && ran.stderr.contains("zero bytes"), "{ran:?}");
    }
}

#[test]
fn revoke_says_what_stands_around_a_token() {
    let cli = Cli::new();
    let token = cli.issue("-u admin -e 1h");
    let text = token["token"].as_str().unwrap();
    for input in wrapped(text) {
        let ran = cli.run_with("revoke --stdin", &input);
        assert!(ran.code == 1 && ran.stdout.contains("more than a token"), "{ran:?}");
        assert!(!ran.stdout.contains(text), "{ran:?}");
    }
    let ran = cli.run_with("revoke --stdin", id(&token));
    assert!(ran.code == 1 && ran.stdout.contains("token id"), "{ran:?}");
    assert_eq!(cli.validate(&token, "").0, 0, "none of them is revoked");
}

#[test]
fn an_idempotency_key_has_no_blank_at_its_ends() {
    let cli = Cli::new();
    for key in ["", " ", " a", "a ", "a\nb", "a\u{1b}[31m", "\u{fc}", "a\u{202e}"] {
        let ran = cli.run_in(["issue", "-u", "admin", "-e", "1h", "--idempotency-key", key], &[], "");
        assert!(ran.code == 2 && ran.stdout.is_empty(), "{key:?}: {ran:?}");
        assert!(ran.stderr.contains("printable ASCII"), "{ran:?}");
    }
    let token = cli.issue("-u admin -e 1h");
    let token = token["token"].as_str().unwrap();
    let ran = cli.run(&format!("issue -u admin -e 1h --idempotency-key {token}"));
    assert!(ran.code == 2 && !ran.stderr.contains(token), "{ran:?}");
}
