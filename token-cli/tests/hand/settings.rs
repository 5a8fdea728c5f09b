//! Settings that are empty, and lists of names.

use crate::kit::{Cli, Ran};

/// Every variable that may be empty: all that the help names, and those that no flag has.
fn variables(cli: &Cli) -> Vec<String> {
    let help = cli.run("serve --help").stdout;
    let named = help.split("[env: ").skip(1).filter_map(|rest| rest.split([']', '=']).next());
    let named = named.filter(|name| !matches!(*name, "TOKEN_STORE" | "TOKEN_KEY_FILE"));
    let all: Vec<_> = named.chain(["TOKEN_LOG"]).map(str::to_owned).collect();
    assert!(all.len() >= 20, "{all:?}");
    all
}

fn config(cli: &Cli, arguments: &[&str], variables: &[(&str, &str)]) -> Ran {
    cli.run_in(["serve", "--print-config"].iter().chain(arguments), variables, "")
}

#[test]
fn an_empty_variable_is_as_if_it_were_not_set() {
    let cli = Cli::new();
    cli.issue("-u admin -e 1h");
    let unset = config(&cli, &[], &[]);
    for value in ["", " "] {
        for name in &variables(&cli) {
            let name = name.as_str();
            let empty = [(name, value)];
            let ran = config(&cli, &[], &empty);
            assert_eq!((ran.code, &ran.stdout), (0, &unset.stdout), "{name}={value}: {}", ran.stderr);
            let ran = cli.run_in(["list", "-u", "admin"], &empty, "");
            assert_eq!(ran.code, 0, "{name}={value}: {}", ran.stderr);
        }
        let names = variables(&cli);
        let all: Vec<_> = names.iter().map(|name| (name.as_str(), value)).collect();
        assert_eq!(config(&cli, &[], &all).stdout, unset.stdout);
    }
}

#[test]
fn an_empty_store_or_key_file_is_refused() {
    let cli = Cli::new();
    for (name, value) in
        [("TOKEN_STORE", ""), ("TOKEN_STORE", " "), ("TOKEN_KEY_FILE", ""), ("TOKEN_KEY_FILE", "\t")]
    {
        for command in [
            "issue -u a -e 1h",
            "list -u a",
            "validate",
            "doctor",
            "serve",
            "serve --print-config",
            "revoke --user a",
        ] {
            let ran = cli.run_in(command.split(' '), &[(name, value)], "");
            assert_eq!((ran.code, ran.stdout.as_str()), (2, ""), "{name} {command}");
            assert!(ran.stderr.contains(name), "{}", ran.stderr);
        }
        for command in ["--help", "serve --help", "completions bash", "--version"] {
            assert_eq!(
                cli.run_in(command.split(' '), &[(name, value)], "").code,
                0,
                "{command} needs no store"
            );
        }
    }
    assert!(!cli.home().join(".local").exists(), "nothing was made");
    let store = format!("sqlite:{}", cli.home().join("t.db").display());
    let issue = ["issue", "-u", "a", "-e", "1h", "--store", &store];
    let ran = cli.run_in(issue, &[("TOKEN_STORE", "")], "");
    assert_eq!(ran.code, 0, "a flag takes the place of the variable: {}", ran.stderr);
}

#[test]
fn an_empty_flag_is_refused() {
    let cli = Cli::new();
    for flag in [
        "--store",
        "--key-file",
        "--namespace",
        "--prefix",
        "--confirm",
        "--tls-ca",
        "--listen",
        "--grpc",
        "--admin",
        "--introspector",
        "--config",
        "--otlp-endpoint",
        "--log-format",
        "--threads",
        "--at-once",
        "--cache",
    ] {
        let ran = config(&cli, &[&format!("{flag}=")], &[]);
        assert_eq!((ran.code, ran.stdout.as_str()), (2, ""), "{flag}: {}", ran.stderr);
    }
}

#[test]
fn an_empty_text_in_the_file_is_as_if_it_were_not_there() {
    let cli = Cli::new();
    let unset = config(&cli, &[], &[]).stdout;
    let file = |text: &str| cli.file("serve.toml", text).display().to_string();
    let empty =
        "namespace = ''\nprefix = ''\nconfirm = ''\ntls-ca = ''\nlisten = ''\nadmin = ''\nrealm = ' '\n";
    let ran = config(&cli, &["--config", &file(empty)], &[]);
    assert_eq!((ran.code, &ran.stdout), (0, &unset), "{}", ran.stderr);
    for name in ["store", "key-file"] {
        let ran = config(&cli, &["--config", &file(&format!("{name} = ''\n"))], &[]);
        assert_eq!((ran.code, ran.stdout.as_str()), (2, ""), "{name}");
    }
    assert_eq!(config(&cli, &["--config", &file("admin = ['']\n")], &[]).code, 2);
}

#[test]
fn the_configuration_file_is_read_as_editors_leave_it() {
    let cli = Cli::new();
    for text in ["\u{feff}realm = \"x\"\r\nprefix = \"pat\"\r\n", "realm = \"x\"  \nprefix = \"pat\""] {
        let file = cli.file("serve.toml", text).display().to_string();
        let ran = config(&cli, &["--config", &file], &[]);
        assert!(ran.stdout.contains("prefix = \"pat\""), "{ran:?}");
    }
}

#[test]
fn names_with_commas_are_whole_names_everywhere() {
    let cli = Cli::new();
    let wanted = "admin = [\"cn=bob,ou=people\", \"ann\"]\n";
    let file = cli.file("serve.toml", "admin = ['cn=bob,ou=people', 'ann']\n").display().to_string();
    for (arguments, variables) in [
        (vec!["--admin", "cn=bob,ou=people", "--admin", "ann"], vec![]),
        (vec!["--admin", "cn=bob,ou=people ; ann"], vec![]),
        (vec![], vec![("TOKEN_ADMINS", "cn=bob,ou=people; ann")]),
        (vec!["--config", &file], vec![]),
    ] {
        let ran = config(&cli, &arguments, &variables);
        assert!(ran.stdout.contains(wanted), "{arguments:?} {variables:?}: {ran:?}");
    }
    let file = cli.file("exact.toml", "introspector = [' Smith, Bob', 'a;b']\n").display().to_string();
    let ran = config(&cli, &["--config", &file], &[]);
    assert!(ran.stdout.contains("introspector = [\" Smith, Bob\", \"a;b\"]"), "{ran:?}");
}

#[test]
fn a_list_with_commas_is_refused_and_says_what_separates() {
    let cli = Cli::new();
    for list in ["alice,bob", "alice, bob"] {
        for ran in [
            config(&cli, &["--admin", list], &[]),
            config(&cli, &["--introspector", list], &[]),
            config(&cli, &[], &[("TOKEN_ADMINS", list)]),
            config(&cli, &[], &[("TOKEN_INTROSPECTORS", list)]),
        ] {
            assert_eq!(ran.code, 2, "{ran:?}");
            assert!(ran.stderr.contains("separate names by \";\""), "{ran:?}");
        }
    }
}

#[test]
fn a_variable_that_cannot_be_read_is_named_itself() {
    let cli = Cli::new();
    for (name, flag) in [
        ("TOKEN_CONFIRM", "--confirm"),
        ("TOKEN_NAMESPACE", "--namespace"),
        ("TOKEN_PREFIX", "--prefix"),
        ("TOKEN_CONFIRM_TIMEOUT", "--confirm-timeout"),
    ] {
        let wrong = [(name, "\"quoted\"")];
        for json in ["-o=text", "--json"] {
            let ran = cli.run_in(["list", "a", json], &wrong, "");
            assert_eq!(ran.code, 2, "{ran:?}");
            assert!(ran.stderr.contains(name) && !ran.stderr.contains(flag), "{ran:?}");
        }
        let typed = cli.run_in(["list", "a", &format!("{flag}=no good")], &wrong, "");
        assert!(typed.stderr.contains(flag) && !typed.stderr.contains(name), "{typed:?}");
    }
    for name in ["TOKEN_LISTEN", "TOKEN_ADMINS", "TOKEN_THREADS", "TOKEN_AT_ONCE"] {
        let ran = cli.run_in(["serve", "--print-config"], &[(name, "a, b")], "");
        assert!(ran.code == 2 && ran.stderr.contains(name) && !ran.stderr.contains("for '--"), "{ran:?}");
    }
}

#[test]
fn a_store_url_is_read_as_files_of_variables_leave_it() {
    let cli = Cli::new();
    let url = "redis://127.0.0.1:1";
    for text in [format!("{url}\r"), format!(" {url} "), format!("\u{feff}{url}\r\n"), format!("{url}\t")] {
        let ran = cli.run_in(["list", "a"], &[("TOKEN_STORE", &text)], "");
        assert_eq!(ran.code, 3, "the store is asked, {text:?}: {ran:?}");
    }
    for text in [format!("\"{url}\""), format!("'{url}'"), "\"\"".into(), "\u{201c}sqlite:/t\u{201d}".into()]
    {
        let ran = cli.run_in(["list", "a"], &[("TOKEN_STORE", &text)], "");
        assert_eq!(ran.code, 2, "{text:?}");
        assert!(ran.stderr.contains("quotation mark"), "{text:?}: {ran:?}");
    }
}

#[test]
fn a_log_level_that_is_misspelt_is_refused() {
    let cli = Cli::new();
    for (value, code) in [
        ("inof", 2),
        ("token_http", 2),
        ("token_http=loud", 2),
        ("warn, nonsense", 2),
        ("", 0),
        ("off", 0),
        ("warn,token_http=debug", 0),
    ] {
        let ran = cli.run_in(["version"], &[("TOKEN_LOG", value)], "");
        assert_eq!(ran.code, code, "{value}: {ran:?}");
        assert!(code == 0 || ran.stderr.contains("TOKEN_LOG"), "{ran:?}");
    }
}

#[test]
fn a_variable_that_is_no_utf_8_is_named() {
    use std::os::unix::ffi::OsStrExt;
    let bytes = std::ffi::OsStr::from_bytes(b"\xff");
    for name in ["TOKEN_STORE", "TOKEN_NAMESPACE", "TOKEN_ADMINS"] {
        let output = std::process::Command::new(env!("CARGO_BIN_EXE_token-cli"))
            .args(["list", "a"])
            .env(name, bytes)
            .output()
            .unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{name}: {said}");
        assert!(said.starts_with(&format!("error: {name} holds")), "{said}");
    }
}
