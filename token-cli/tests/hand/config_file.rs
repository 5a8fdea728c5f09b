//! Values of the configuration file that a flag cannot have, and texts that are no TOML.

use crate::kit::{Cli, Ran};

fn printed(cli: &Cli, text: &str) -> Ran {
    let file = cli.file("serve.toml", text).display().to_string();
    cli.run_in(["serve", "--print-config", "--config", &file], &[], "")
}

#[test]
fn a_flag_that_needs_no_value_may_be_true_or_false() {
    let cli = Cli::new();
    for (text, line) in [
        ("cache = true\n", Some("cache = \"1s\"")),
        ("cache = '250ms'\n", None),
        ("cache = '5s'\n", Some("cache = \"5s\"")),
        ("fail-fast = true\n", Some("fail-fast = \"true\"")),
        ("fail-fast = false\n", Some("fail-fast = \"false\"")),
    ] {
        let ran = printed(&cli, text);
        let Some(line) = line else {
            assert_eq!(ran.code, 2, "{text}: {ran:?}");
            continue;
        };
        assert!(ran.code == 0 && ran.stdout.contains(line), "{text}: {ran:?}");
    }
    let ran = printed(&cli, "cache = false\n");
    assert!(ran.code == 0 && !ran.stdout.contains("cache"), "{ran:?}");
}

#[test]
fn a_value_of_another_kind_teaches_what_the_key_must_be() {
    let cli = Cli::new();
    for (text, said) in [
        (
            "idle-timeout = 75.5\n",
            "idle-timeout must be a text with a unit, like \"75s\"; it is a number with a",
        ),
        (
            "idle-timeout = true\n",
            "idle-timeout must be a text with a unit, like \"75s\"; it is true or false",
        ),
        ("cache = 1.5\n", "cache must be a text with a unit, like \"75s\", or true or false; it is a number"),
        ("threads = 2.0\n", "threads must be a whole number; it is a number with a fraction"),
        ("fail-fast = 1.0\n", "fail-fast must be true or false; it is a number"),
        ("realm = ['a', 'b']\n", "realm must be a text; it is a list"),
        ("listen = 1.5\n", "listen must be a text, or a list of texts; it is a number"),
        ("admin = [1]\n", "admin must be a text, or a list of texts; it is a list with other values"),
        ("realm = 2026-11-28\n", "realm must be a text; it is a date"),
        ("[realm]\n", "realm must be a text; it is a table"),
    ] {
        let ran = printed(&cli, text);
        assert_eq!((ran.code, ran.stdout.as_str()), (2, ""), "{text}: {ran:?}");
        assert!(ran.stderr.contains(said) && ran.stderr.contains("serve.toml"), "{text}: {ran:?}");
    }
}

#[test]
fn an_error_of_syntax_is_told_with_its_line() {
    let cli = Cli::new();
    for (text, place) in [
        ("realm = 'a'\nprefix = 'pat'\nrealm = 'b'\n", "in line 3 (realm): duplicate key"),
        ("prefix = 'pat'\nrealm = hidden\n", "in line 2 (realm): "),
        ("\n\nlisten = ['a'\nrealm = 'x'\n", "in line 4"),
        ("\nlisten = ['a'\n", "in line "),
        ("realm = 'x\n", "in line 1 (realm): "),
        ("\nhidden\n", "in line 2: "),
        ("store = redis://:hidden@h\n", "in line 1 (store): "),
    ] {
        let ran = printed(&cli, text);
        assert_eq!((ran.code, ran.stdout.as_str()), (2, ""), "{text}: {ran:?}");
        assert!(ran.stderr.contains(place), "{text}: {ran:?}");
        assert!(!ran.stderr.contains("hidden"), "{text}: {ran:?}");
    }
}
