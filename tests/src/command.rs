//! The command as a program.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use serde_json::Value;

/// Where the command is, built from what is in the tree now.
///
/// # Panics
/// It does not build.
pub fn binary() -> &'static Path {
    static BINARY: OnceLock<PathBuf> = OnceLock::new();
    BINARY.get_or_init(|| {
        let mut build = std::process::Command::new(env!("CARGO"));
        build.args(["build", "--quiet", "--package", "token-cli", "--message-format", "json", "--locked"]);
        build.current_dir(env!("CARGO_MANIFEST_DIR"));
        let output = build.output().expect("cargo runs");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let messages = String::from_utf8(output.stdout).unwrap();
        let artifacts = messages.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        let binary =
            artifacts.filter_map(|artifact| artifact["executable"].as_str().map(PathBuf::from)).next_back();
        binary.expect("cargo says where the command is")
    })
}
