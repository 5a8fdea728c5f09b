//! Parts that scripts share: a script includes them with lines `-- include NAME`, and is sent complete.

use token_core::spi::layout;

use super::decided::Decided;

/// The script with its includes.
pub(crate) fn expand(script: &str) -> String {
    let mut whole = String::with_capacity(2 * script.len());
    for line in script.lines() {
        match line.strip_prefix("-- include ") {
            Some(name) => whole.push_str(&included(name)),
            None => whole.push_str(line),
        }
        whole.push('\n');
    }
    whole
}

fn included(name: &str) -> String {
    match name {
        "clock" => include_str!("../../lua/include/clock.lua").to_owned(),
        "read" => include_str!("../../lua/include/read.lua").to_owned(),
        "tombstone" => include_str!("../../lua/include/tombstone.lua").to_owned(),
        "layout" => layout(),
        "reply" => reply(),
        // A test checks that every include exists, so this is never sent.
        other => format!("error('there is no include {other}')"),
    }
}

/// The layout of a record, as constants.
fn layout() -> String {
    use layout::{
        CAPPED, FORMAT, HEAD_END, LUA_HEAD, SCOPE_LENGTH, SEAL_CUT, SEAL_LENGTH, SLIDES, STATE_LENGTH,
        SUBJECT_CHECK,
    };
    let form = u16::from(FORMAT) * 256;
    let (first, last) = (SUBJECT_CHECK.start + 1, SUBJECT_CHECK.end);
    format!(
        "-- The layout of a record.\n\
         local HEAD, FORM, STATE, HEAD_END = '{LUA_HEAD}', {form}, {STATE_LENGTH}, {HEAD_END}\n\
         local SCOPE, SEAL, SEAL_CUT = {SCOPE_LENGTH}, {SEAL_LENGTH}, {SEAL_CUT}\n\
         local SLIDES, CAPPED, SUBJECT_FIRST, SUBJECT_LAST = {SLIDES}, {CAPPED}, {first}, {last}\n"
    )
}

/// The first bytes of replies, each as a constant.
fn reply() -> String {
    let constants = Decided::ALL.map(|(decided, name)| format!("local {name} = '\\{}'\n", decided as u8));
    format!("-- The first bytes of replies.\n{}", constants.concat())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_that_a_script_includes_exists() {
        for entry in std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/lua")).unwrap() {
            let path = entry.unwrap().path();
            if path.extension().is_none_or(|extension| extension != "lua") {
                continue;
            }
            let script = expand(&std::fs::read_to_string(&path).unwrap());
            assert!(!script.contains("there is no include"), "{}", path.display());
            assert!(!script.contains("-- include"), "{}: an include does not include", path.display());
        }
    }

    #[test]
    fn the_head_for_lua_is_as_long_as_the_head() {
        let mut length = 0;
        let mut characters = layout::LUA_HEAD.chars().skip(1);
        while let Some(character) = characters.next() {
            length += match character {
                'x' | 'B' => 1,
                'I' => characters.next().unwrap().to_digit(10).unwrap(),
                other => panic!("{other}"),
            };
        }
        assert_eq!(length as usize, layout::HEAD_END);
    }
}
