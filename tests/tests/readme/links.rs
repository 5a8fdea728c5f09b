//! Links between the pages, to files of the repository, and to headings.

use std::collections::HashMap;
use std::path::{Component, Path, PathBuf};

use crate::pages::{Page, pages, repository};

/// Pages outside the book that link to it.
const OTHERS: [&str; 6] = [
    "ARCHITECTURE.md",
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "SECURITY.md",
    "bench/README.md",
    "deploy/acl/README.md",
];

#[test]
fn every_link_leads_to_a_file_and_a_heading() {
    let mut pages = pages();
    pages.extend(OTHERS.map(Page::read));
    let anchors: HashMap<PathBuf, Vec<String>> =
        pages.iter().map(|page| (PathBuf::from(&page.name), headings(page))).collect();
    let mut trouble = Vec::new();
    for page in &pages {
        for link in links(page) {
            let (file, anchor) = link.split_once('#').unwrap_or((&link, ""));
            let folder = Path::new(&page.name).parent().unwrap();
            let target = match file {
                "" => PathBuf::from(&page.name),
                _ => clean(&folder.join(file)),
            };
            let is_there = repository().join(&target).exists();
            let has_anchor =
                anchors.get(&target).is_none_or(|known| known.iter().any(|known| known == anchor));
            if !is_there || !(anchor.is_empty() || has_anchor) {
                trouble.push(format!("{} links to {link}", page.name));
            }
        }
    }
    assert!(trouble.is_empty(), "{}", trouble.join("\n"));
}

/// The targets of local links in the prose of a page.
fn links(page: &Page) -> Vec<String> {
    let prose = page.prose().join("\n");
    let targets = prose.split("](").skip(1).filter_map(|behind| Some(behind.split_once(')')?.0.to_owned()));
    targets.filter(|target| !target.contains("://") && !target.starts_with("mailto:")).collect()
}

/// The anchors that GitHub and MkDocs make from the headings of a page.
fn headings(page: &Page) -> Vec<String> {
    let lines = page.prose().into_iter().filter_map(|line| line.strip_prefix('#'));
    let titles = lines.map(|line| line.trim_start_matches('#').trim().to_lowercase());
    let kept = |c: char| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_');
    titles.map(|title| title.chars().filter(|&c| kept(c)).collect::<String>().replace(' ', "-")).collect()
}

/// Resolves `.` and `..`.
fn clean(path: &Path) -> PathBuf {
    let mut clean = PathBuf::new();
    for part in path.components() {
        match part {
            Component::ParentDir => _ = clean.pop(),
            Component::CurDir => {}
            other => clean.push(other),
        }
    }
    clean
}
