//! Numbers and lengths of time in flags.

use clap::{Arg, Command};

/// The names of values that are numbers or lengths of time.
const NUMERIC: [&str; 4] = ["NUMBER", "PERCENT", "BYTES", "DURATION"];

/// A whole number within bounds, which the refusal names.
pub(super) fn whole<const LEAST: u32, const MOST: u32>(text: &str) -> Result<u32, String> {
    let number = text.trim().parse().ok().filter(|number| (LEAST..=MOST).contains(number));
    number.ok_or_else(|| format!("write a whole number from {LEAST} to {MOST}"))
}

/// The command line with flags that take negative numbers, so that the refusal is about the number: `-1` would be an
/// unknown flag else.
pub(super) fn with_negative_numbers(command: Command) -> Command {
    command.mut_args(with_a_negative_number).mut_subcommands(with_negative_numbers)
}

fn with_a_negative_number(argument: Arg) -> Arg {
    let names = argument.get_value_names().unwrap_or_default();
    let is_numeric = names.iter().any(|name| NUMERIC.contains(&name.as_str()));
    if is_numeric && !argument.is_require_equals_set() {
        argument.allow_hyphen_values(true)
    } else {
        argument
    }
}

#[cfg(test)]
mod tests {
    use super::whole;

    #[test]
    fn a_number_is_whole_and_within_its_bounds() {
        assert_eq!(whole::<1, 100>(" 100 "), Ok(100));
        for text in ["0", "101", "-1", "1.5", "", "x", "1e2", "99999999999999999999"] {
            assert_eq!(whole::<1, 100>(text), Err("write a whole number from 1 to 100".into()), "{text}");
        }
    }
}
