//! Programs that scripts/test.sh installs from PyPI, without code of ours.

use std::path::{Path, PathBuf};

/// The path of an installed file. A test that needs it is never skipped.
///
/// # Panics
/// It is not there; the message says what to run.
#[must_use]
pub fn installed(file: &str) -> PathBuf {
    let file = repository().join("target/stock-grpc").join(file);
    assert!(file.exists(), "this test runs {}: scripts/test.sh installs it, run that", file.display());
    file
}

/// The path of a program in `tests/clients`, for the installed Python.
#[must_use]
pub fn script(file: &str) -> PathBuf {
    repository().join("tests/clients").join(file)
}

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}
