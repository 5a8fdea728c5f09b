//! Only `TokenService` calls the writing methods of a store, so that policy and events apply to every change.

use std::fs;
use std::path::{Path, PathBuf};

/// The writing methods of a store.
const WRITES: [&str; 5] = [".issue(", ".issue_once(", ".revoke(", ".revoke_subject(", ".prune("];
/// Files that implement `TokenStore` as a wrapper of another store.
const STORES: [&str; 1] = ["measured.rs"];

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => sources(&path, found),
            false if path.extension().is_some_and(|extension| extension == "rs") => found.push(path),
            false => {}
        }
    }
}

/// The calls in `text` of writing methods on a value named `store`, on one line or several.
fn writes(text: &str) -> Vec<String> {
    let code: String = text.lines().filter(|line| !line.trim_start().starts_with("//")).collect();
    let code: String = code.split_whitespace().collect();
    let store = ["store", "store()", "into_store()"];
    let calls = store.iter().flat_map(|store| WRITES.iter().map(move |write| format!("{store}{write}")));
    calls.filter(|call| code.contains(call)).collect()
}

#[test]
fn a_write_that_bypasses_the_service_is_found() {
    assert_eq!(writes("self.tokens\n    .store()\n    .revoke(id)"), ["store().revoke("]);
    assert!(writes("// store.revoke(id)\nself.tokens.revoke(id);").is_empty());
}

#[test]
fn only_the_service_writes_to_a_store() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut files = Vec::new();
    for folder in ["token-cli/src", "token-http/src", "token-server/src"] {
        sources(&root.join(folder), &mut files);
    }
    assert!(files.len() > 50, "the sources have moved: {}", files.len());
    for file in files {
        if STORES.iter().any(|name| file.ends_with(name)) {
            continue;
        }
        let found = writes(&fs::read_to_string(&file).unwrap());
        assert!(found.is_empty(), "{}: call the TokenService instead of {found:?}", file.display());
    }
}
