//! The README stays short: long explanations belong in the book.

use crate::pages::Page;

#[test]
fn the_readme_has_at_most_150_lines() {
    assert!(Page::read("README.md").text.lines().count() <= 150);
}
