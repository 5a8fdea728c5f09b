//! The clients: curl, and cadaver, which speaks WebDAV.

use std::path::Path;

pub(crate) use token_tests::programs::{Answer, With, curl};
use token_tests::programs::{program, run};
use tokio::process::Command;

/// Runs these commands in cadaver, with the token as the password, and returns its output.
pub(crate) async fn cadaver(home: &Path, url: &str, user: &str, token: &str, script: &str) -> String {
    std::fs::write(home.join(".netrc"), format!("machine 127.0.0.1\nlogin {user}\npassword {token}\n"))
        .unwrap();
    let mut command = Command::new(program("cadaver", "cadaver"));
    command.arg(url).env("HOME", home).current_dir(home);
    run(&mut command, &format!("{script}\nquit\n")).await
}
