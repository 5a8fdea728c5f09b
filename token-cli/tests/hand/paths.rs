//! Paths that are links, folders or files where the other is wanted, and places without room.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use crate::delivery::bash;
use crate::kit::{Cli, Ran};

fn on(cli: &Cli, path: &str, command: &str) -> Ran {
    cli.run(&format!("{command} --store sqlite:{path}"))
}

fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).into_iter().flatten();
    let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn a_link_to_a_database_uses_the_key_file_of_its_target() {
    let cli = Cli::new();
    let (database, link) = (cli.home().join("real/t.db"), cli.home().join("ln.db"));
    let issued = on(&cli, &database.display().to_string(), "issue -u admin -e 1h -q");
    assert_eq!(issued.code, 0, "{issued:?}");
    symlink(&database, &link).unwrap();
    let store = link.display().to_string();
    for command in ["list admin", "issue -u admin -e 1h -q", "doctor", "revoke --user nobody"] {
        let ran = on(&cli, &store, command);
        assert_eq!(ran.code, 0, "{command}: {ran:?}");
    }
    let ran = cli.run_with(&format!("validate --store sqlite:{store}"), &issued.stdout);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert_eq!(names(cli.home()), ["ln.db", "real"]);
}

/// As after a database was moved to another disk, and a link left behind.
#[test]
fn a_key_file_beside_the_link_is_used() {
    let cli = Cli::new();
    let (database, link) = (cli.home().join("other/t.db"), cli.home().join("t.db"));
    let store = link.display().to_string();
    assert_eq!(on(&cli, &store, "issue -u admin -e 1h -q").code, 0);
    fs::create_dir(cli.home().join("other")).unwrap();
    fs::rename(&link, &database).unwrap();
    symlink(&database, &link).unwrap();
    let ran = on(&cli, &store, "list admin");
    assert_eq!(ran.code, 0, "{ran:?}");
}

#[test]
fn a_store_path_that_names_a_folder_is_refused_unmade() {
    let cli = Cli::new();
    let home = cli.home().display().to_string();
    assert_eq!(on(&cli, &format!("{home}/t.db"), "issue -u admin -e 1h -q").code, 0);
    let before = names(cli.home());
    for path in [format!("{home}/t.db/"), format!("{home}/new/"), format!("{home}/new//"), "..".into()] {
        for command in ["issue -u admin -e 1h", "list admin", "doctor", "bench"] {
            let ran = on(&cli, &path, command);
            assert_eq!((ran.code, ran.stdout.as_str()), (2, ""), "{command} {path}: {ran:?}");
            let slash = path.ends_with('/');
            let said = if slash { "ends with a slash" } else { "names a folder" };
            assert!(ran.stderr.contains(said) && !ran.stderr.contains(".key"), "{command} {path}: {ran:?}");
        }
    }
    assert_eq!(names(cli.home()), before);
}

#[test]
fn a_bench_without_room_leaves_nothing_behind() {
    let cli = Cli::new();
    cli.issue("-u admin -e 1h");
    let data = cli.home().join(".local/share/token-store");
    let before = names(&data);
    for limit in [0, 1, 8, 64] {
        let line = format!("ulimit -f {limit}; \"$CLI\" bench --tokens 5000 --for 1s");
        let ran = bash(&cli, &line);
        assert_eq!((ran.code, ran.stdout.as_str()), (3, ""), "{limit}: {ran:?}");
        assert_eq!(names(&data), before, "{limit}: {ran:?}");
        assert!(!ran.stderr.contains("tokens.key"), "{limit}: {ran:?}");
    }
    let ran = bash(&cli, "ulimit -f 0; \"$CLI\" bench");
    let said = format!("in {} there is no room for its tokens: free some space", data.display());
    assert!(ran.stderr.contains(&said) && ran.stderr.contains("because: "), "{ran:?}");
    assert!(!ran.stderr.contains(".bench-"), "{ran:?}");
}

#[test]
fn man_pages_into_a_file_are_refused_with_what_is_wanted() {
    let cli = Cli::new();
    let file = cli.file("file", "").display().to_string();
    for path in [file.clone(), format!("{file}/below"), "/dev/null".into()] {
        let ran = cli.run(&format!("man {path}"));
        assert_eq!((ran.code, ran.stdout.as_str()), (2, ""), "{path}: {ran:?}");
        let blamed = path.trim_end_matches("/below");
        assert!(ran.stderr.contains(&format!("{blamed} is no folder; name a folder")), "{path}: {ran:?}");
        assert!(!ran.stderr.contains("os error"), "{path}: {ran:?}");
    }
    let ran = bash(&cli, "ulimit -f 0; \"$CLI\" man ~/man");
    assert!(ran.code == 3 && ran.stderr.contains("there is no room; free some space"), "{ran:?}");
}
