//! What people type because another tool takes it.

use crate::kit::{Cli, id};

#[test]
fn a_lifetime_in_weeks_is_taken_and_others_teach() {
    let cli = Cli::new();
    cli.issue("-u admin -e 2w");
    for (lifetime, taught) in [
        ("600", "600s for seconds"),
        ("2099-01-31", "d is until 2099-01-31"),
        ("2027-02-29", "dates are not taken"),
        ("1y", "d or w"),
    ] {
        let ran = cli.run(&format!("issue -u admin -e {lifetime}"));
        assert_eq!(ran.code, 2);
        assert!(ran.stderr.contains(taught), "{}", ran.stderr);
    }
}

#[test]
fn a_user_is_listed_without_a_flag_too() {
    let cli = Cli::new();
    let token = cli.issue("-u admin -e 1h");
    for arguments in ["list admin", "list -u admin", "list --user=admin", "list -uadmin"] {
        assert!(cli.run(arguments).stdout.contains(id(&token)), "{arguments}");
    }
    for arguments in ["list", "list admin -u admin", "list admin other"] {
        assert_eq!(cli.run(arguments).code, 2, "{arguments}");
    }
}

#[test]
fn a_quiet_validation_answers_by_its_exit_code_alone() {
    let cli = Cli::new();
    let token = cli.issue("-u admin -e 1h");
    let text = token["token"].as_str().unwrap();
    for (input, arguments, code) in [
        (text, "-q", 0),
        (text, "--quiet -u other", 1),
        ("no token", "-q", 1),
        ("", "-q", 2),
        (text, "-q --json", 2),
    ] {
        let ran = cli.run_with(&format!("validate {arguments}"), input);
        assert_eq!((ran.code, ran.stdout.as_str()), (code, ""), "{ran:?}");
        assert_eq!(ran.stderr.is_empty(), code < 2, "{ran:?}");
    }
}

#[test]
fn a_dry_run_revokes_nothing_and_names_what_it_would() {
    let cli = Cli::new();
    let token = cli.issue("-u admin -e 1h");
    let text = token["token"].as_str().unwrap();
    for (arguments, input) in [("--user admin", ""), (id(&token), ""), ("--stdin", text)] {
        let ran = cli.run_with(&format!("revoke --dry-run --json {arguments}"), input);
        let row = &ran.json()[0];
        assert_eq!(
            (ran.code, &row["outcome"], &row["id"]),
            (0, &"would_be_revoked".into(), &token["id"]),
            "{arguments}"
        );
    }
    assert_eq!(cli.validate(&token, "").0, 0);
    assert_eq!(cli.run("revoke --dry-run 3l51xk1fgfw2k28rm7smxkaqntg3").code, 1);
    assert_eq!(cli.run("revoke --dry-run mistyped").code, 2);
}

#[test]
fn json_is_asked_for_in_every_usual_way() {
    let cli = Cli::new();
    cli.issue("-u other -e 1h");
    for flags in [
        "--json",
        "-j",
        "-o json",
        "-ojson",
        "-o=json",
        "-o JSON",
        "--output json",
        "--output=json",
        "--output=Json",
        "--format json",
        "--format=json",
    ] {
        assert!(cli.run(&format!("list admin {flags}")).json().is_array(), "{flags}");
        let refused = cli.run(&format!("{flags} issue"));
        assert!(
            serde_json::from_str::<serde_json::Value>(&refused.stderr).is_ok(),
            "{flags}: {}",
            refused.stderr
        );
    }
    for flags in ["--json=true", "--json=false", "--quiet=1"] {
        let ran = cli.run(&format!("issue -u admin -e 1h {flags}"));
        assert!(ran.code == 2 && ran.stderr.contains("takes no value"), "{ran:?}");
    }
    let yaml = cli.run("list admin -o yaml");
    assert!(yaml.code == 2 && yaml.stderr.contains("text, json"), "{yaml:?}");
    assert_eq!(cli.run("list admin -o text").stdout, "no live tokens\n");
    for flags in ["-o yaml", "-o json --json", "-o"] {
        assert_eq!(cli.run(&format!("list admin {flags}")).code, 2, "{flags}");
    }
    assert_eq!(cli.run("issue -u admin -e 1h -q -o json").code, 2);
}

#[test]
fn several_formats_are_refused_wherever_they_stand() {
    let cli = Cli::new();
    cli.issue("-u bob -e 1h");
    let pairs = [
        ("list bob", ["-j", "-o text"]),
        ("list bob", ["--json", "--format=json"]),
        ("list bob", ["-o json", "-otext"]),
        ("list bob", ["-o text", "--output text"]),
        ("issue -u bob -e 1h", ["-j", "-q"]),
        ("issue -u bob -e 1h", ["-o text", "-q"]),
        ("admin user token -u bob -e 1h", ["-j", "-q"]),
        ("validate", ["-o json", "--quiet"]),
    ];
    for (command, [one, other]) in pairs {
        let mut lines = vec![
            format!("{command} {one} {other}"),
            format!("{command} {other} {one}"),
            format!("{one} {command} {other}"),
        ];
        // A flag of the command itself stands behind it.
        if !other.starts_with("-q") && !other.starts_with("--quiet") {
            lines.extend([format!("{other} {command} {one}"), format!("{other} {one} {command}")]);
        }
        for line in lines {
            let ran = cli.run_with(&line, "tok_garbage");
            assert_eq!((ran.code, ran.stdout.as_str()), (2, ""), "{line}: {ran:?}");
            assert!(ran.stderr.contains("cannot be used"), "{line}: {ran:?}");
        }
    }
    for line in ["-o text list bob", "list bob -o text", "-j list bob", "list -- -o"] {
        assert_eq!(cli.run(line).code, 0, "{line}");
    }
}

#[test]
fn help_offers_json_only_where_it_is_taken() {
    let cli = Cli::new();
    let dir = cli.home().join("man");
    assert_eq!(cli.run(&format!("man {}", dir.display())).code, 0);
    let page = |name: &str| std::fs::read_to_string(dir.join(format!("token-cli-{name}.1"))).unwrap();
    for command in ["serve", "completions", "man"] {
        for help in ["-h", "--help"] {
            let shown = cli.run(&format!("{command} {help}")).stdout;
            assert!(!shown.contains("--json") && !shown.contains("--output"), "{command} {help}: {shown}");
        }
        assert!(!page(command).contains("\\-\\-json"), "{command}");
    }
    assert!(cli.run("list --help").stdout.contains("--json"));
    assert!(page("list").contains("\\-\\-json"));
}

#[test]
fn json_is_refused_by_what_has_no_result() {
    let cli = Cli::new();
    let directory = cli.home().join("man").display().to_string();
    for command in ["completions bash", "serve", "serve --print-config", &format!("man {directory}")] {
        for flag in ["--json", "-o json"] {
            let ran = cli.run(&format!("{command} {flag}"));
            assert_eq!((ran.code, ran.stdout.as_str()), (2, ""), "{command} {flag}");
            assert!(ran.stderr.contains("has no result in JSON"), "{}", ran.stderr);
        }
    }
    let path = cli.home().join("keys").display().to_string();
    assert_eq!(cli.run(&format!("new-key-file {path} --json")).json()["key_file"], path);
}

#[test]
fn scopes_are_separated_by_commas_with_or_without_blanks() {
    let cli = Cli::new();
    let scopes = [1, 2].map(|last| format!("node:00000000-0000-0000-0000-00000000000{last}:r"));
    for separator in [",", ", ", " ,\t"] {
        let list = scopes.join(separator);
        let ran = cli.run_in(["issue", "-u", "admin", "-e", "1h", "--json", "-s", &list], &[], "");
        assert_eq!(ran.code, 0, "{ran:?}");
        assert_eq!(ran.json()["scopes"], serde_json::json!(scopes), "{separator:?}");
    }
    for list in [", ", " ", "node:00000000-0000-0000-0000-000000000001:r, "] {
        let ran = cli.run_in(["issue", "-u", "admin", "-e", "1h", "-s", list], &[], "");
        assert_eq!(ran.code, 2, "an empty scope is none, {list:?}: {ran:?}");
    }
}

#[test]
fn the_version_is_a_word_too() {
    let cli = Cli::new();
    assert_eq!(cli.run("version").stdout, cli.run("--version").stdout);
    for line in ["version --json", "--version --json", "-j -V", "-V -o json", "-o json version"] {
        assert_eq!(cli.run(line).json()["version"], env!("CARGO_PKG_VERSION"), "{line}");
    }
    assert!(cli.run("--help").stdout.contains("\n  version "), "help lists it");
    assert_eq!(cli.run("help").code, 0);
}

/// The flags that `admin user token` of Pydio Cells inherits.
const ANCESTOR: [&str; 7] = [
    "--broker nats",
    "--broker_address :4222",
    "--registry_address :4222",
    "--registry_cluster_address x",
    "--registry_cluster_routes x",
    "--transport grpc",
    "--transport_address=:4222",
];

#[test]
fn flags_of_the_ancestor_are_taken_and_point_to_the_store() {
    let cli = Cli::new();
    for flag in ANCESTOR {
        let name = flag.split([' ', '=']).next().unwrap();
        for arguments in
            [format!("admin user token -u admin -e 1h -q {flag}"), format!("{flag} issue -u admin -e 1h -q")]
        {
            let ran = cli.run(&arguments);
            assert_eq!((ran.code, ran.stdout.lines().count()), (0, 1), "{ran:?}");
            assert!(ran.stderr.contains(name) && ran.stderr.contains("--store"), "{ran:?}");
        }
    }
    let ran = cli.run(&format!("list admin --json {}", ANCESTOR.join(" ")));
    assert_eq!((ran.code, ran.stderr.lines().count()), (0, 1), "{ran:?}");
    assert!(ran.json().is_array());
    assert!(!cli.run("admin user token --help").stdout.contains("registry"));
}
