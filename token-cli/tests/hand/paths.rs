//! Paths that are links, folders or files where the other is wanted, and places without room.

use std::fs;
use std::path::Path;

use crate::delivery::bash;
use crate::kit::Cli;

fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).into_iter().flatten();
    let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
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
