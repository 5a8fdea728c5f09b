//! The lists of the book agree with the code: error texts, settings, checks of the doctor.

use std::fs;
use std::path::Path;

use crate::pages::{Page, repository};

const CRATES: [&str; 7] =
    ["token-core", "token-redis", "token-sqlite", "token-doctor", "token-http", "token-server", "token-cli"];

#[test]
fn every_explained_error_is_in_the_code() {
    let mut code = String::new();
    for name in CRATES {
        read_into(&mut code, &repository().join(name).join("src"));
    }
    let page = Page::read("docs/troubleshooting.md");
    let texts = page.prose().into_iter().filter_map(explained).filter(|text| text.contains(' '));
    let missing: Vec<_> =
        texts.filter(|text| !code.contains(text.trim_end_matches('…').trim_end())).collect();
    assert!(missing.is_empty(), "these texts are not in the code:\n{}", missing.join("\n"));
}

#[test]
fn every_setting_is_in_the_book() {
    let mut code = String::new();
    read_into(&mut code, &repository().join("token-cli/src/args"));
    let names = code.split("env = \"").skip(1).filter_map(|rest| rest.split('"').next());
    let page = Page::read("docs/reference/settings.md").text;
    let missing: Vec<_> = names.filter(|name| !page.contains(&format!("`{name}`"))).collect();
    assert!(missing.is_empty(), "{missing:?}");
}

#[test]
fn every_check_of_doctor_is_in_the_book() {
    let mut code = String::new();
    for folder in ["token-doctor/src", "token-cli/src"] {
        read_into(&mut code, &repository().join(folder));
    }
    // Only at the start of a line, which excludes those in unit tests.
    let lines: Vec<&str> = code.lines().collect();
    let heads =
        lines.windows(2).filter(|pair| !pair[0].starts_with(' ') && pair[0].ends_with("Check = Check {"));
    let checks: Vec<&str> = heads.filter_map(|pair| pair[1].split('"').nth(1)).collect();
    let page = Page::read("docs/operations/doctor.md").text;
    let missing: Vec<_> = checks.iter().filter(|name| !page.contains(&format!("`{name}`"))).collect();
    assert!(missing.is_empty(), "{missing:?}");
    assert!(checks.len() > 20, "{checks:?}");
}

/// The first cell of a row.
fn explained(row: &str) -> Option<&str> {
    row.strip_prefix("| `")?.split_once("` |").map(|(text, _)| text)
}

/// The source of a folder, with multi-line strings joined.
fn read_into(code: &mut String, folder: &Path) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            read_into(code, &path);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = fs::read_to_string(&path).unwrap();
            let mut lines = text.split("\\\n");
            code.extend(lines.next());
            lines.for_each(|line| code.push_str(line.trim_start()));
            code.push('\n');
        }
    }
}
