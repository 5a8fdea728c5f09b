//! Text of others that is shown to people, without the characters that change what is seen.

/// How many characters of an argument a complaint repeats.
const LONGEST: usize = 200;

/// A name for people: characters that cannot be seen or that turn the line around are written as their numbers.
pub(crate) fn visible(name: impl std::fmt::Display) -> String {
    escaped(&name.to_string(), is_hidden)
}

/// The same for whole lines, whose ends stay: what no text for people lets through, whatever it was made of.
pub(crate) fn printable(lines: &str) -> String {
    escaped(lines, |c| c != '\n' && is_hidden(c))
}

/// The start of what was typed, as a complaint repeats it.
pub(crate) fn typed(text: &str) -> String {
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", visible(text.get(..end).unwrap_or_default())),
        None => visible(text),
    }
}

fn escaped(text: &str, is_hidden: impl Fn(char) -> bool) -> String {
    let escape = |c: char| if is_hidden(c) { c.escape_unicode().to_string() } else { c.to_string() };
    text.chars().map(escape).collect()
}

fn is_hidden(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::exit::Exit;
    use crate::format::Format;
    use crate::report::Report;

    /// Text with more hidden characters in it than chance would give.
    fn texts() -> impl Strategy<Value = String> {
        "(\\PC|[\u{0}-\u{1f}\u{7f}-\u{9f}\u{200b}-\u{200f}\u{202a}-\u{202e}\u{2066}-\u{2069}\u{e0041}\u{feff}]){0,40}"
    }

    /// Controls, and what turns a line around.
    fn moves_or_hides(c: char) -> bool {
        c.is_control()
            || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{200e}' | '\u{200f}' | '\u{61c}')
    }

    proptest! {
        #[test]
        fn no_text_for_people_changes_what_a_terminal_shows(text in texts()) {
            let report = Report::new(Format::Human, Exit::Done, &(), || text.clone()).unwrap();
            prop_assert!(!report.shown().contains(|c| c != '\n' && moves_or_hides(c)), "{:?}", report.shown());
            prop_assert!(!visible(&text).contains(moves_or_hides));
        }

        #[test]
        fn what_was_typed_is_repeated_in_one_short_line(text in texts(), times in 1_usize..50) {
            let shown = typed(&text.repeat(times));
            prop_assert!(!shown.contains(moves_or_hides));
            let longest = "\\u{10ffff}".len() * LONGEST + "…".len();
            prop_assert!(shown.len() <= longest, "{}", shown.len());
        }
    }

    #[test]
    fn letters_of_all_scripts_stay() {
        for text in ["Zo\u{e8}", "Zoe\u{308}", "管理者", "हिन्दी", "עברית", "🙂"] {
            assert_eq!(visible(text), text);
        }
    }
}
