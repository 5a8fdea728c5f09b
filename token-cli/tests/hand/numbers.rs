//! Numbers and lengths of time that are none, or too much.

use crate::kit::{Cli, Ran};

/// Flags with a number or a length of time, by command, as its help shows them.
fn flags(cli: &Cli, command: &str) -> Vec<String> {
    let help = cli.run(&format!("{command} --help")).stdout;
    let values = ["<NUMBER>", "<PERCENT>", "<DURATION>", "<BYTES>"];
    let of_numbers = help.lines().filter(|line| {
        line.trim_start().starts_with('-')
            && values.iter().any(|value| line.trim_end_matches(']').ends_with(value))
    });
    let name = |line: &str| {
        let from = line.find("--").unwrap();
        line[from..].split([' ', '=', '[']).next().unwrap().to_owned()
    };
    of_numbers.map(name).collect()
}

const COMMANDS: [&str; 6] = ["issue", "user token", "bench", "serve", "list", "validate"];

fn tried(cli: &Cli, command: &str, flag: &str, value: &str) -> Ran {
    let needed = match command {
        "issue" | "user token" => "-u admin",
        "list" => "admin",
        _ => "",
    };
    // The cache takes a value only behind an equals sign.
    let separator = if flag == "--cache" { "=" } else { " " };
    cli.run(&format!("{command} {needed} {flag}{separator}{value}"))
}

#[test]
fn every_flag_of_numbers_names_what_is_wrong() {
    let cli = Cli::new();
    let mut seen = 0;
    for command in COMMANDS {
        for flag in flags(&cli, command) {
            seen += 1;
            for value in ["abc", "-1", "-1s", "1e9", "inf", "1.5", "99999999999999999999"] {
                let ran = tried(&cli, command, &flag, value);
                assert_eq!(ran.code, 2, "{command} {flag} {value}: {ran:?}");
                let said = &ran.stderr;
                assert!(said.contains(&flag) && said.contains(value), "{command} {flag} {value}: {said}");
                for bare in ["digit found", "zero type", "..=", "unexpected argument"] {
                    assert!(!said.contains(bare), "{command} {flag} {value}: {said}");
                }
            }
        }
    }
    assert!(seen > 20, "only {seen} flags were found in the help");
}

#[test]
fn the_error_for_a_number_out_of_bounds_names_the_bounds() {
    let cli = Cli::new();
    for (arguments, bounds) in [
        ("bench --rate 0", "from 1 to 1000000"),
        ("bench --callers 10001", "from 1 to 10000"),
        ("bench --sliding 101", "from 0 to 100"),
        ("serve --threads 0", "from 1 to 1024"),
        ("serve --at-once 0", "from 1 to"),
    ] {
        let ran = cli.run(arguments);
        assert!(ran.code == 2 && ran.stderr.contains(bounds), "{arguments}: {ran:?}");
    }
}

#[test]
fn a_bare_number_is_given_only_units_that_fit() {
    let cli = Cli::new();
    for (lifetime, said) in [
        ("600", "write 600s for seconds, 600m for minutes, 600h for hours or 600d for days"),
        ("0090", "write 90s for seconds"),
        ("600000000", "write 600000000s for seconds\n"),
        ("3153600001", "it is too long"),
        ("99999999999999999999", "it is too long"),
        ("0", "longer than nothing"),
        ("00", "longer than nothing"),
        ("-5", "positive"),
    ] {
        let ran = cli.run(&format!("issue -u admin -e {lifetime}"));
        assert!(ran.code == 2 && ran.stderr.contains(said), "{lifetime}: {ran:?}");
    }
}

#[test]
fn the_error_for_an_endless_token_names_the_longest_lifetime() {
    let cli = Cli::new();
    for lifetime in ["never", "none", "Infinity", "unlimited", "forever"] {
        for flag in ["-e", "-a"] {
            let ran = cli.run(&format!("issue -u admin {flag} {lifetime}"));
            assert!(ran.code == 2 && ran.stderr.contains("every token ends"), "{ran:?}");
            assert!(ran.stderr.contains("36500d"), "{ran:?}");
        }
    }
}

#[test]
fn the_name_of_a_unit_is_answered_with_the_units() {
    let cli = Cli::new();
    for (written, word) in
        [("5min", "min"), ("2days", "days"), ("500ms", "ms"), ("1week", "week"), ("1h30min", "min")]
    {
        for flag in ["-e", "-a"] {
            let ran = cli.run(&format!("issue -u admin {flag} {written}"));
            assert_eq!((ran.code, ran.stdout.as_str()), (2, ""), "{flag} {written}: {ran:?}");
            let taught = format!("\"{word}\" is not a unit; use s, m, h, d or w");
            assert!(ran.stderr.contains(&taught), "{flag} {written}: {ran:?}");
        }
    }
}
