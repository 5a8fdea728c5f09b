//! A shell into which people paste commands.

use std::fs::{self, File};
use std::path::Path;
use std::time::Duration;

use super::cli::binary;
use super::daemon::program;
use crate::servers::{Kept, Missing, wait_for};

/// How long a script may take.
const LIMIT: Duration = Duration::from_secs(120);

/// Runs a script in bash, in this directory, which is also its home, with `token-cli` in its path. Returns its standard output
/// and standard error. All processes that it started end with it.
///
/// # Panics
/// It does not end, or there is no bash.
pub async fn bash(script: &str, directory: &Path) -> [String; 2] {
    let [file, output, errors] = ["script", "output", "errors"].map(|name| directory.join(name));
    fs::write(&file, format!("exec 2>{}\n{script}", errors.display())).expect("room for a file");
    let folder = binary().parent().expect("a program is in a folder").display().to_string();
    let path = std::env::var("PATH").unwrap_or_default();
    let arguments = [
        "-i".to_owned(),
        format!("--chdir={}", directory.display()),
        format!("PATH={folder}:{path}"),
        format!("HOME={}", directory.display()),
        program("bash", "bash").display().to_string(),
        file.display().to_string(),
    ];
    let log = File::create(&output).expect("room for a file");
    let env = program("env", "coreutils");

    let mut shell = Kept::start(&env, &arguments, log).expect("bash starts");
    let ended = wait_for(LIMIT, async || {
        shell.ended().ok_or_else(|| Missing::Yet("the script has not ended".to_owned()))
    });
    ended.await.unwrap_or_else(|why| panic!("{why}"));
    [output, errors].map(|file| fs::read_to_string(file).unwrap_or_default())
}
