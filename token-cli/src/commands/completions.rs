//! `completions`

use clap::ValueEnum;
use clap_complete::Shell;

use crate::args::{CompletionsArgs, offered};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::report::Report;

pub(crate) fn run(arguments: &CompletionsArgs) -> Result<Report, Failure> {
    let mut script = Vec::new();
    clap_complete::generate(arguments.shell, &mut offered(), "token-cli", &mut script);
    let script = String::from_utf8_lossy(&script).into_owned();
    let script = match arguments.shell {
        Shell::Bash => with_values_behind_equals(&with_one_label(&script)),
        Shell::Fish => with_what_is_missing(script),
        _ => script,
    };
    Ok(Report::text(Exit::Done, script))
}

/// The generator writes the label of a program with a hyphen in two ways, so that nothing would be found below it.
fn with_one_label(script: &str) -> String {
    script.replace("token__subcmd__cli", "token__cli")
}

/// Bash takes `--flag=value` for three words, which the generator does not know.
fn with_values_behind_equals(script: &str) -> String {
    const PREVIOUS: &str = "    prev=\"$3\"\n";
    const JOINED: &str = "\
    if [[ \"${COMP_WORDS[COMP_CWORD]}\" == \"=\" ]]; then
        cur=\"\"
        prev=\"${COMP_WORDS[COMP_CWORD-1]}\"
    elif [[ \"${COMP_WORDS[COMP_CWORD-1]}\" == \"=\" ]]; then
        prev=\"${COMP_WORDS[COMP_CWORD-2]}\"
    fi
";
    script.replacen(PREVIOUS, &format!("{PREVIOUS}{JOINED}"), 1)
}

/// The generator goes two words deep: what follows "user token" follows "admin user token", too.
fn with_what_is_missing(script: String) -> String {
    const AFTER_USER: &str = "using_subcommand user; and __fish_seen_subcommand_from token\"";
    const AFTER_ADMIN: &str = "using_subcommand admin; and __fish_seen_subcommand_from token\"";
    // A statement may be of several lines.
    let statements = script.split("\ncomplete ").skip(1).filter(|statement| statement.contains(AFTER_USER));
    let again =
        |statement: &str| format!("complete {}\n", statement.trim_end().replace(AFTER_USER, AFTER_ADMIN));
    let more: String = statements.map(again).collect();
    // Nor does it write what may stand behind "completions".
    let shells = Shell::value_variants().iter().map(ToString::to_string).collect::<Vec<_>>().join(" ");
    let shells = format!(
        "complete -c token-cli -n \"__fish_token_cli_using_subcommand completions\" -f -a \"{shells}\"\n"
    );
    script + &more + &shells
}
