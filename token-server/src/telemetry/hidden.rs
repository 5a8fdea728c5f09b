//! Characters that are not seen, or make a line look like another one.

/// Fillers, which take room and show nothing: letters and symbols by their category.
const FILLERS: [char; 6] = ['\u{115f}', '\u{1160}', '\u{2800}', '\u{3164}', '\u{ffa0}', '\u{1d159}'];

/// Whether a character is a control, changes the direction of a text, or is not seen by itself.
pub(crate) fn is_hidden(c: char) -> bool {
    match c {
        ' '..='~' => false,
        _ => c.escape_debug().next() == Some('\\') || FILLERS.contains(&c),
    }
}

#[cfg(test)]
mod tests {
    use super::is_hidden;

    #[test]
    fn what_is_not_seen_is_hidden() {
        let controls = ('\0'..='\u{1f}').chain('\u{7f}'..='\u{9f}');
        let directions =
            ('\u{200e}'..='\u{200f}').chain('\u{202a}'..='\u{202e}').chain('\u{2066}'..='\u{2069}');
        let blanks = [
            '\u{a0}', '\u{ad}', '\u{34f}', '\u{61c}', '\u{180e}', '\u{2003}', '\u{2028}', '\u{2029}',
            '\u{feff}',
        ];
        let invisible =
            ('\u{200b}'..='\u{200d}').chain('\u{2060}'..='\u{2064}').chain(['\u{fe0f}', '\u{e0041}']);
        for c in controls.chain(directions).chain(blanks).chain(invisible).chain(super::FILLERS) {
            assert!(is_hidden(c), "{c:?}");
        }
    }

    #[test]
    fn letters_and_signs_are_not() {
        for c in (' '..='~').chain("äßéЖ漢字あ한🙂€".chars()) {
            assert!(!is_hidden(c), "{c:?}");
        }
    }
}
