//! For whom the command writes.

use std::ffi::OsString;

/// For whom a result is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Format {
    /// For people.
    Human,
    /// One line of JSON.
    Json,
    /// The one thing that was asked for, and a newline.
    Quiet,
}

impl Format {
    /// The format that is asked for, before the arguments are understood.
    pub(crate) fn asked_for(arguments: impl Iterator<Item = OsString>) -> Self {
        let words: Vec<_> = arguments.skip(1).map(|word| word.to_string_lossy().into_owned()).collect();
        let is_json = |value: &str| value.eq_ignore_ascii_case("json");
        let alone = words.iter().any(|word| {
            let value =
                ["--output=", "--format=", "-o=", "-o"].iter().find_map(|flag| word.strip_prefix(flag));
            word == "--json" || word == "-j" || value.is_some_and(is_json)
        });
        let pair = words.windows(2).any(|pair| {
            matches!(pair, [flag, value]
                if ["-o", "--output", "--format"].contains(&flag.as_str()) && is_json(value))
        });
        if alone || pair { Self::Json } else { Self::Human }
    }

    /// How often `--output` is given.
    pub(crate) fn times_named(arguments: impl Iterator<Item = OsString>) -> usize {
        let words = arguments.skip(1).map(|word| word.to_string_lossy().into_owned());
        let options = words.take_while(|word| word != "--");
        let names = |word: &str| {
            let long = word.split('=').next().unwrap_or_default();
            ["--output", "--format"].contains(&long) || word.starts_with("-o")
        };
        options.filter(|word| names(word)).count()
    }
}
