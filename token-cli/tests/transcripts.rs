//! Transcripts of the command: help, successes and refusals, as they look in a terminal.
//!
//! `TRYCMD=overwrite cargo test -p token-cli --test transcripts` writes them anew; read the difference before keeping it.

#[test]
fn the_command_says_what_the_transcripts_show() {
    let home = tempfile::TempDir::new().unwrap();
    trycmd::TestCases::new()
        .case("tests/cmd/*.trycmd")
        .env("COLUMNS", "100")
        .env("HOME", home.path().to_str().unwrap())
        .env("XDG_DATA_HOME", home.path().to_str().unwrap())
        .insert_var("[HOME]", home.path().to_str().unwrap().to_owned())
        .unwrap();
}
