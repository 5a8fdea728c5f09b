//! The README stays short: what is longer belongs into the book.

use crate::pages::Page;

#[test]
fn the_readme_has_at_most_150_lines() {
    assert!(Page::read("README.md").text.lines().count() <= 150);
}
