//! The usage that a complaint about the arguments ends with.

use std::ffi::OsString;

use clap::error::{ContextKind, ContextValue, Error};

use super::command;

/// The same complaint with the usage of its command as it is. By itself it would name every flag that has a value, also
/// by default or from the environment, as if it had been typed.
pub(super) fn with_its_own_usage(mut error: Error, arguments: &[OsString]) -> Error {
    if error.get(ContextKind::Usage).is_none() {
        return error;
    }
    let mut command = command();
    command.build();
    let words = arguments.iter().skip(1).filter_map(|argument| argument.to_str());
    let found = words.fold(&command, |found, word| found.find_subcommand(word).unwrap_or(found));
    error.insert(ContextKind::Usage, ContextValue::StyledStr(found.clone().render_usage()));
    error
}
