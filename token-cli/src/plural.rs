//! Numbers of things, for people.

/// The number and the word for so many: `one` is the word for one.
pub(crate) fn count(number: u64, one: &str) -> String {
    if number == 1 {
        return format!("1 {one}");
    }
    match one.strip_suffix('y') {
        Some(stem) => format!("{number} {stem}ies"),
        None => format!("{number} {one}s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_is_no_plural() {
        assert_eq!([0, 1, 2].map(|number| count(number, "token")), ["0 tokens", "1 token", "2 tokens"]);
        assert_eq!([1, 2].map(|number| count(number, "entry")), ["1 entry", "2 entries"]);
    }
}
