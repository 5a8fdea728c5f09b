//! Complaints about the arguments: they name what was typed, or the variable that was set, and nothing else.

use std::ffi::OsString;

use clap::error::{ContextKind, ContextValue, Error, ErrorKind};
use clap::{Arg, Command};

use super::command;
use crate::visible::typed;

/// The same complaint as it concerns these arguments: with the usage of its command as it is, and with the name of the
/// variable whose value it is about.
///
/// By itself, the usage would name every flag that has a value, also by default or from the environment, as if it had
/// been typed; and so would the complaint about a variable.
pub(super) fn as_typed(error: Error, arguments: &[OsString]) -> Error {
    let flag = match error.get(ContextKind::InvalidArg) {
        Some(ContextValue::String(flag)) if error.kind() == ErrorKind::TooManyValues => flag,
        _ => return shortened(named(error, arguments)),
    };
    let sentence = format!("\"{}\" takes no value: write it alone, or leave it out\n", typed(flag));
    Error::raw(ErrorKind::TooManyValues, sentence)
}

/// The complaint with what was typed in one line that can be seen, and no more of it than anybody reads.
fn shortened(mut error: Error) -> Error {
    for kind in [ContextKind::InvalidArg, ContextKind::InvalidValue, ContextKind::InvalidSubcommand] {
        let Some(ContextValue::String(text)) = error.get(kind) else { continue };
        let shown = typed(text);
        if shown != *text {
            // Advice would repeat the text as it is.
            error.remove(ContextKind::Suggested);
            error.insert(kind, ContextValue::String(shown));
        }
    }
    error
}

fn named(mut error: Error, arguments: &[OsString]) -> Error {
    let mut root = command();
    root.build();
    let words: Vec<_> = arguments.iter().skip(1).filter_map(|argument| argument.to_str()).collect();
    let found = words.iter().fold(&root, |found, word| found.find_subcommand(word).unwrap_or(found));
    if error.get(ContextKind::Usage).is_some() {
        error.insert(ContextKind::Usage, ContextValue::StyledStr(found.clone().render_usage()));
    }
    let variable = match error.get(ContextKind::InvalidArg) {
        Some(ContextValue::String(shown)) => variable(found, shown, &words),
        _ => None,
    };
    if let Some(name) = variable {
        error.insert(ContextKind::InvalidArg, ContextValue::String(name));
    }
    error
}

/// The variable that a flag has its value from: one that was not typed.
fn variable(command: &Command, shown: &str, words: &[&str]) -> Option<String> {
    let argument = command.get_arguments().find(|argument| argument.to_string() == shown)?;
    let name = argument.get_env().filter(|name| std::env::var_os(name).is_some())?;
    (!is_typed(argument, words)).then(|| name.to_string_lossy().into_owned())
}

fn is_typed(argument: &Arg, words: &[&str]) -> bool {
    let long = argument.get_long().map(|long| format!("--{long}")).unwrap_or_default();
    words
        .iter()
        .any(|word| word.strip_prefix(&long).is_some_and(|rest| rest.is_empty() || rest.starts_with('=')))
}
