//! Embedded stores that are not there, or are something else.

use std::fs;
use std::path::Path;

use crate::kit::{Cli, Ran};

/// What reads or changes tokens that there are already.
const OTHERS: [&str; 9] = [
    "validate",
    "validate --peek",
    "list -u admin",
    "show 5440vjeh809ehv75b4tzwf83gfp0",
    "revoke -u admin",
    "prune",
    "doctor",
    "serve --listen 127.0.0.1:0",
    "confirm 5440vjeh809ehv75b4tzwf83gfp0",
];

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

fn on(cli: &Cli, path: &Path, command: &str) -> Ran {
    cli.run_with(&format!("{command} --store sqlite:{}", path.display()), "tok_garbage")
}

#[test]
fn a_mistyped_path_creates_no_store_and_is_a_usage_error() {
    let cli = Cli::new();
    let path = cli.home().join("token.db");
    for command in OTHERS {
        let ran = on(&cli, &path, command);
        assert_eq!((ran.code, ran.stdout.as_str()), (2, ""), "{command}: {}", ran.stderr);
        let sentence =
            format!("there is no store at {}; \"token-cli user token\" creates one", path.display());
        assert!(ran.stderr.contains(&sentence), "{command}: {}", ran.stderr);
        assert!(names(cli.home()).is_empty(), "{command}: {:?}", names(cli.home()));
    }
}

#[test]
fn no_command_but_issue_creates_the_default_store() {
    let cli = Cli::new();
    for command in ["list -u admin", "prune", "validate"] {
        let ran = cli.run_with(command, "tok_garbage");
        assert_eq!(ran.code, 2, "{command}: {}", ran.stderr);
        assert!(ran.stderr.contains("there is no store at "), "{}", ran.stderr);
    }
    assert_eq!(cli.run("doctor").code, 0, "the first token creates it");
    assert!(names(cli.home()).is_empty());
}

#[test]
fn issuing_creates_the_store_and_reports_it_once() {
    let cli = Cli::new();
    let path = cli.home().join("new/t.db");
    for command in ["user token -u admin -e 1h -q", "issue -u admin -e 1h --json"] {
        let ran = on(&cli, &path, command);
        assert_eq!((ran.code, ran.stdout.lines().count()), (0, 1), "{}", ran.stderr);
        let first = command.starts_with("user");
        let sentence = format!("created a new store at {p} and its key file {p}.key\n", p = path.display());
        assert_eq!(ran.stderr, if first { sentence } else { String::new() });
    }
    assert_eq!(on(&cli, &path, "list -u admin").code, 0);
}

#[test]
fn a_store_with_a_name_like_the_mistyped_one_is_proposed() {
    let cli = Cli::new();
    let path = cli.home().join("tokens.db");
    assert_eq!(on(&cli, &path, "issue -u admin -e 1h").code, 0);
    cli.file("tokns.db.txt", "no store, however alike");
    for typed in ["token.db", "tokens.DB", "tokns.db"] {
        let ran = on(&cli, &cli.home().join(typed), "list -u admin");
        assert_eq!(ran.code, 2);
        assert!(ran.stderr.contains(&format!("did you mean {}?", path.display())), "{}", ran.stderr);
    }
    let ran = on(&cli, &cli.home().join("other"), "list -u admin");
    assert!(!ran.stderr.contains("did you mean"), "{}", ran.stderr);
}

#[test]
fn what_is_missing_beside_a_missing_store_is_named() {
    let cli = Cli::new();
    let ran = on(&cli, &cli.home().join("no/such/t.db"), "list -u admin");
    assert!(ran.stderr.contains("no/such does not exist either"), "{}", ran.stderr);

    let ran = on(&cli, Path::new("~/t.db"), "list -u admin");
    assert!(ran.stderr.contains("write the whole path"), "{}", ran.stderr);

    let path = cli.home().join("t.db");
    assert_eq!(on(&cli, &path, "issue -u admin -e 1h").code, 0);
    fs::remove_file(&path).unwrap();
    let ran = on(&cli, &path, "list -u admin");
    assert_eq!(ran.code, 2);
    assert!(ran.stderr.contains("t.db.key is there: restore the database"), "{}", ran.stderr);
    assert!(ran.stderr.contains("creates a new one with that key file"), "{}", ran.stderr);
    let ran = on(&cli, &path, "issue -u admin -e 1h -q");
    assert!(ran.stderr.contains(" with the key file "), "{}", ran.stderr);
}

#[test]
fn a_database_without_its_key_file_is_refused_by_its_name() {
    let cli = Cli::new();
    let path = cli.home().join("t.db");
    assert_eq!(on(&cli, &path, "issue -u admin -e 1h").code, 0);
    fs::remove_file(cli.home().join("t.db.key")).unwrap();
    for command in ["list -u admin", "issue -u admin -e 1h", "serve --listen 127.0.0.1:0"] {
        let ran = on(&cli, &path, command);
        assert_eq!(ran.code, 2, "{command}: {}", ran.stderr);
        assert!(ran.stderr.contains("t.db.key is missing"), "{command}: {}", ran.stderr);
    }
}

#[test]
fn what_is_no_store_is_a_usage_error_with_its_reason() {
    let cli = Cli::new();
    let keys = format!("--key-file {}", cli.file("keys", "1 ".to_owned() + &"5eed".repeat(16)).display());
    let text = cli.file("text", "Dear diary, ".repeat(100));
    let empty = cli.file("empty", "");
    for (path, reason) in [
        (&text, "is not a SQLite file"),
        (&empty, "is an empty file, not a database"),
        (&cli.home().to_owned(), "check the path"),
        (&text.join("t.db"), "check the path"),
        (&"/dev/null".into(), "check the path"),
    ] {
        let commands = ["list -u admin", "issue -u admin -e 1h", "serve --listen 127.0.0.1:0"];
        for command in commands.iter().flat_map(|command| [command.to_string(), format!("{command} {keys}")])
        {
            let ran = on(&cli, path, &command);
            assert_eq!(ran.code, 2, "{command} {path:?}: {}", ran.stderr);
            assert!(ran.stderr.contains(reason), "{command} {path:?}: {}", ran.stderr);
        }
    }
    assert_eq!(fs::read(&empty).unwrap(), b"");
}

#[test]
fn what_is_no_path_creates_no_file_of_that_name() {
    let cli = Cli::new();
    let store = |path: &str| format!("sqlite:{}", cli.home().join(path).display());
    for (url, reason) in [
        (store("t.db?mode=ro"), "no parameters"),
        (store("t.db?"), "no parameters"),
        (store("t.db#x"), "no fragment"),
        (store("t.db\r"), "CRLF lines"),
        (store("t.db\u{7}"), "control character"),
        (store("t.db "), "blanks"),
        ("sqlite: t.db".into(), "blanks"),
        ("sqlite:\"t.db\"".into(), "quotation marks"),
        ("sqlite:~/t.db".into(), "nothing replaces ~"),
        ("sqlite:$HOME/t.db".into(), "nothing replaces $"),
        (store("${NAME}.db"), "nothing replaces $"),
        ("sqlite:file:/t.db".into(), "\"file:\""),
        ("sqlite:%2Ft.db".into(), "%-escapes"),
        ("sqlite::memory:".into(), "in memory"),
    ] {
        for command in ["issue -u admin -e 1h -q", "list admin", "doctor", "serve --listen 127.0.0.1:0"] {
            let typed = cli.run_in(command.split(' ').chain(["--store", &url]), &[], "");
            let named = cli.run_in(command.split(' '), &[("TOKEN_STORE", &url)], "");
            for ran in [typed, named] {
                assert_eq!((ran.code, ran.stdout.as_str()), (2, ""), "{command} {url:?}: {ran:?}");
                assert!(ran.stderr.contains(reason), "{command} {url:?}: {ran:?}");
            }
        }
    }
    assert!(names(cli.home()).is_empty(), "{:?}", names(cli.home()));
    let url = format!("\u{feff} {}", store("t.db"));
    let ran = cli.run_in(["issue", "-u", "admin", "-e", "1h", "-q"], &[("TOKEN_STORE", &url)], "");
    assert_eq!(ran.code, 0, "{ran:?}");
}

#[test]
fn the_scheme_of_the_embedded_store_is_read_in_any_case() {
    let cli = Cli::new();
    for (scheme, command) in
        [("sqlite", "issue -u admin -e 1h -q"), ("SQLITE", "list admin"), ("Sqlite", "doctor")]
    {
        let ran = cli.run(&format!("{command} --store {scheme}:{}/t.db", cli.home().display()));
        assert_eq!(ran.code, 0, "{scheme}: {ran:?}");
    }
}

#[test]
fn flags_for_servers_are_refused_with_the_embedded_store() {
    let cli = Cli::new();
    cli.issue("-u admin -e 1h");
    let file = cli.file("pem", "").display().to_string();
    for (flags, named) in [
        ("--namespace other", "--namespace"),
        ("--confirm-timeout 5s", "--confirm-timeout"),
        (&format!("--tls-ca {file}"), "--tls-ca"),
        (&format!("--tls-cert {file} --tls-key {file}"), "--tls-cert"),
    ] {
        for line in [format!("{flags} list admin"), format!("list admin {flags}"), format!("doctor {flags}")]
        {
            let ran = cli.run(&line);
            assert_eq!((ran.code, ran.stdout.as_str()), (2, ""), "{line}: {ran:?}");
            let sentence = format!("{named} is for a store on servers");
            assert!(ran.stderr.contains(&sentence), "{line}: {ran:?}");
        }
    }
    let ran = cli.run("doctor --role issuer");
    assert!(ran.code == 2 && ran.stderr.contains("--role is for a store on servers"), "{ran:?}");
}

#[test]
fn variables_for_servers_pass_with_the_embedded_store() {
    let cli = Cli::new();
    cli.issue("-u admin -e 1h");
    let file = cli.file("pem", "").display().to_string();
    for (name, value) in
        [("TOKEN_NAMESPACE", "other"), ("TOKEN_CONFIRM_TIMEOUT", "5s"), ("TOKEN_TLS_CA", file.as_str())]
    {
        let ran = cli.run_in(["list", "admin"], &[(name, value)], "");
        assert_eq!(ran.code, 0, "{name}: {ran:?}");
    }
}

#[cfg(unix)]
#[test]
fn a_link_to_nothing_leaves_no_key_file_behind() {
    let cli = Cli::new();
    let link = cli.home().join("t.db");
    std::os::unix::fs::symlink(cli.home().join("none"), &link).unwrap();
    let ran = on(&cli, &link, "issue -u admin -e 1h");
    assert_eq!((ran.code, ran.stdout.as_str()), (2, ""), "{ran:?}");
    assert!(ran.stderr.contains("is a link to a file that does not exist"), "{ran:?}");
    assert_eq!(names(cli.home()), ["t.db"]);
}
