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
    if let Some(sentence) = with_a_dash(&error, arguments) {
        return Error::raw(ErrorKind::InvalidValue, sentence);
    }
    let flag = match error.get(ContextKind::InvalidArg) {
        Some(ContextValue::String(flag)) if error.kind() == ErrorKind::TooManyValues => flag,
        _ => return shortened(named(error, arguments)),
    };
    let sentence = format!("\"{}\" takes no value: write it alone, or leave it out\n", typed(flag));
    Error::raw(ErrorKind::TooManyValues, sentence)
}

/// What to write for a value that begins with a dash and was taken for a flag.
fn with_a_dash(error: &Error, arguments: &[OsString]) -> Option<String> {
    let Some(ContextValue::String(shown)) = error.get(ContextKind::InvalidArg) else { return None };
    let words: Vec<_> = arguments.iter().skip(1).filter_map(|argument| argument.to_str()).collect();
    let is_missing =
        matches!(error.get(ContextKind::InvalidValue), Some(ContextValue::String(value)) if value.is_empty());
    let (flag, value) = subcommand(&words, |command| {
        words.windows(2).find_map(|pair| {
            let [name, value] = pair else { return None };
            let argument = command.get_arguments().find(|argument| needs_value(argument, name))?;
            let is_it = match error.kind() {
                ErrorKind::InvalidValue => is_missing && argument.to_string() == *shown,
                ErrorKind::UnknownArgument => value.starts_with(shown.as_str()),
                _ => false,
            };
            let is_it = is_it && value.len() > 1 && value.starts_with('-');
            is_it.then(|| Some((argument.get_long()?.to_owned(), typed(value)))).flatten()
        })
    })?;
    Some(format!(
        "--{flag} needs a value, and {value} behind it reads as a flag: write a value that begins with a dash as \
         --{flag}={value}\n"
    ))
}

/// Whether this word is the flag, and a value has to follow it.
fn needs_value(argument: &Arg, word: &str) -> bool {
    let is_named = word.strip_prefix("--").is_some_and(|long| argument.get_long() == Some(long))
        || word
            .strip_prefix('-')
            .is_some_and(|short| argument.get_short().is_some_and(|c| short.chars().eq([c])));
    let least = argument.get_num_args().map_or(1, |number| number.min_values());
    is_named && argument.get_action().takes_values() && least > 0
}

/// Looks at the command that these words are for.
fn subcommand<T>(words: &[&str], look: impl FnOnce(&Command) -> T) -> T {
    let mut root = command();
    root.build();
    look(words.iter().fold(&root, |found, word| found.find_subcommand(word).unwrap_or(found)))
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
    if let Some(ContextValue::String(flag)) = error.get(ContextKind::SuggestedArg) {
        let hidden =
            |argument: &Arg| argument.is_hide_set() && argument.get_long() == flag.strip_prefix("--");
        if found.get_arguments().any(hidden) {
            error.remove(ContextKind::SuggestedArg);
        }
    }
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
