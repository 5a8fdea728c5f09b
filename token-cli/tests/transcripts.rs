//! Transcripts of the command: help, successes and refusals, as they look in a terminal.
//!
//! `TRYCMD=overwrite cargo test -p token-cli --test transcripts` writes them anew; read the difference before keeping it.

#[test]
fn the_command_says_what_the_transcripts_show() {
    let home = tempfile::TempDir::new().unwrap();
    // The first token creates the store, which the transcripts find there.
    let mut issue = std::process::Command::new(env!("CARGO_BIN_EXE_token-cli"));
    issue.args(["issue", "-u", "first", "-e", "1h", "-q"]).env_clear().env("XDG_DATA_HOME", home.path());
    assert!(issue.env("HOME", home.path()).output().unwrap().status.success());
    trycmd::TestCases::new()
        .case("tests/cmd/*.trycmd")
        .env("COLUMNS", "100")
        .env("HOME", home.path().to_str().unwrap())
        .env("XDG_DATA_HOME", home.path().to_str().unwrap())
        .insert_var("[HOME]", home.path().to_str().unwrap().to_owned())
        .unwrap();
}
