//! Names and input that would change what a terminal shows.

use crate::kit::{Cli, Ran, id};

const HIDDEN: [char; 5] = ['\u{202e}', '\u{200b}', '\u{2066}', '\u{1b}', '\u{7}'];

fn is_clean(ran: &Ran) {
    let shown = format!("{}{}", ran.stdout, ran.stderr);
    assert!(!shown.contains(HIDDEN), "{shown:?}");
}

#[test]
fn a_name_cannot_forge_what_a_terminal_shows() {
    let cli = Cli::new();
    let evil = "a\u{202e}b\u{200b}\u{2066}c";
    let issued = cli.run_in(["issue", "-u", evil, "-e", "1h", "-l", evil, "--issuer", evil], &[], "");
    let listed = cli.run_in(["list", evil], &[("COLUMNS", "40")], "");
    let token = cli.run_in(["list", evil, "--json"], &[], "").json();
    let shown = cli.run(&format!("show {}", id(&token[0])));
    let text = issued.stdout.lines().next().unwrap().to_owned();
    let validated = cli.run_with("validate", &text);
    let revoked = cli.run_in(["revoke", id(&token[0]), "--by", evil, "--why", evil], &[], "");
    for ran in [&issued, &listed, &shown, &validated, &revoked] {
        assert_eq!(ran.code, 0, "{ran:?}");
        is_clean(ran);
    }
    for ran in [issued, listed, shown, validated, cli.run(&format!("show {}", id(&token[0])))] {
        assert!(ran.stdout.contains("a\\u{202e}b\\u{200b}\\u{2066}c"), "it is shown, escaped: {ran:?}");
        is_clean(&ran);
    }
}

#[test]
fn a_user_name_with_hidden_characters_has_no_line_to_copy() {
    let cli = Cli::new();
    let ran = cli.run_in(["issue", "-u", "a\u{202e}b", "-e", "1h"], &[], "");
    assert!(ran.stdout.contains("Bearer") && !ran.stdout.contains("curl -K"), "{}", ran.stdout);
    assert!(!ran.stdout.contains("password"), "{}", ran.stdout);
    assert!(cli.run("issue -u zoë -e 1h").stdout.contains("curl -K"));
}

#[test]
fn a_complaint_shows_no_raw_characters_of_what_was_typed() {
    let cli = Cli::new();
    let evil = "x\u{1b}[31m\u{202e}\n\u{7}y";
    for arguments in [
        vec!["issue", "-e", "1h", "-u", evil],
        vec!["issue", "-u", "a", "-e", evil],
        vec!["list", "a", "-o", evil],
        vec!["list", "a", "--prefix", evil],
        vec!["list", "a", "--store", evil],
        vec!["show", evil],
        vec![evil],
        vec!["list", "a", "--x\u{1b}[31m\u{202e}"],
    ] {
        let ran = cli.run_in(&arguments, &[], "");
        assert_eq!(ran.code, 2, "{ran:?}");
        is_clean(&ran);
        assert!(!ran.stderr.contains("\n\\u{7}y"), "a line break is no new line: {ran:?}");
    }
}

#[test]
fn a_complaint_is_no_longer_than_anybody_reads() {
    let cli = Cli::new();
    let long = "x".repeat(50_000);
    for arguments in
        [vec!["issue", "-e", "1h", "-u", &long], vec!["issue", "-u", "a", "-e", &long], vec![&long]]
    {
        let ran = cli.run_in(&arguments, &[], "");
        assert_eq!(ran.code, 2, "{}", ran.stderr.len());
        assert!(ran.stderr.len() < 2000, "{}", ran.stderr.len());
    }
}
