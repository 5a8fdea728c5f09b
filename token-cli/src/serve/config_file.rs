//! The text of a configuration file: what is no TOML is refused with its line, and a value that a flag cannot have with its
//! key.

use std::ffi::OsString;
use std::path::Path;

use clap::{Arg, ArgAction};
use toml::{Table, Value};

use crate::failure::Failure;

/// Reads the file. `is_known` says which keys are settings: no other word of the file is repeated, since it may be a
/// password.
pub(super) fn read(path: &Path, is_known: impl Fn(&str) -> bool) -> Result<Table, Failure> {
    let cannot =
        |error: String| Failure::usage(format!("cannot use the configuration {}: {error}", path.display()));
    let text = std::fs::read(path).map_err(|error| cannot(error.to_string()))?;
    let text = token_core::plain_text(&text).map_err(|error| cannot(error.to_string()))?;
    text.parse::<Table>().map_err(|error| {
        let place = error.span().map(|span| place(&text, span.start, is_known)).unwrap_or_default();
        // The parser's own display would repeat the line, which may hold a password.
        cannot(format!("it is no TOML{place}: {}", error.message()))
    })
}

/// The line at this byte, and its key if that is a setting.
fn place(text: &str, at: usize, is_known: impl Fn(&str) -> bool) -> String {
    let before = text.get(..at).unwrap_or(text);
    let number = before.matches('\n').count() + 1;
    let line = text.lines().nth(number - 1).unwrap_or_default();
    let key = line.split(['=', '#']).next().unwrap_or_default().trim();
    if is_known(key) { format!(" in line {number} ({key})") } else { format!(" in line {number}") }
}

/// The flag with this value, as it would be typed; a list is the flag repeated, and `false` a flag that is left out.
pub(super) fn arguments(flag: &Arg, value: &Value) -> Result<Vec<OsString>, String> {
    let name = name(flag);
    match value {
        Value::Boolean(true) if takes_none(flag) => Ok(vec![format!("--{name}").into()]),
        Value::Boolean(false) if takes_none(flag) => Ok(vec![]),
        _ => Ok(texts(flag, value)?.iter().map(|text| format!("--{name}={text}").into()).collect()),
    }
}

/// One text for each value.
pub(super) fn texts(flag: &Arg, value: &Value) -> Result<Vec<String>, String> {
    let refused = || must_be(flag, value);
    match value {
        // As an empty variable, an empty text is as if it were not there. An empty name of a store is refused later.
        Value::String(text) if text.trim().is_empty() && !matches!(name(flag), "store" | "key-file") => {
            Ok(vec![])
        }
        Value::String(text) => Ok(vec![text.clone()]),
        Value::Integer(number) => Ok(vec![number.to_string()]),
        Value::Array(values) if takes_several(flag) || values.len() < 2 => {
            values.iter().map(|value| value.as_str().map(str::to_owned).ok_or_else(refused)).collect()
        }
        _ => Err(refused()),
    }
}

/// What the key must be, and what it is. The value is not repeated: it may be a password.
fn must_be(flag: &Arg, value: &Value) -> String {
    let value_name = flag.get_value_names().and_then(<[_]>::first).map_or("", |name| name.as_str());
    let mut forms = vec![match value_name {
        "DURATION" => "a text with a unit, like \"75s\"",
        "NUMBER" => "a whole number",
        "BYTES" => "a whole number, or a text like \"16k\"",
        "true|false" => "true or false",
        _ => "a text",
    }];
    if takes_several(flag) {
        forms.push("a list of texts");
    }
    if takes_none(flag) && value_name != "true|false" {
        forms.push("true or false");
    }
    let is = match value {
        Value::String(_) => "a text",
        Value::Integer(_) => "a whole number",
        Value::Float(_) => "a number with a fraction",
        Value::Boolean(_) => "true or false",
        Value::Datetime(_) => "a date or a time",
        Value::Array(_) if takes_several(flag) => "a list with other values than texts",
        Value::Array(_) => "a list",
        Value::Table(_) => "a table",
    };
    format!("{} must be {}; it is {is}", name(flag), forms.join(", or "))
}

fn name(flag: &Arg) -> &str {
    flag.get_long().unwrap_or_default()
}

/// Whether the flag may stand without a value.
fn takes_none(flag: &Arg) -> bool {
    flag.get_num_args().is_some_and(|number| number.min_values() == 0)
}

fn takes_several(flag: &Arg) -> bool {
    matches!(flag.get_action(), ArgAction::Append)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_place_names_a_setting_and_no_other_word() {
        let text = "realm = \"x\"\nsecret = 1\n\nprefix=\n";
        let is_known = |key: &str| ["realm", "prefix"].contains(&key);
        for (at, shown) in [
            (0, " in line 1 (realm)"),
            (9, " in line 1 (realm)"),
            (14, " in line 2"),
            (24, " in line 4 (prefix)"),
            (99, " in line 5"),
        ] {
            assert_eq!(place(text, at, is_known), shown, "{at}");
        }
    }
}
