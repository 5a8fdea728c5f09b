//! Text within the columns that there are.

use std::io::{IsTerminal, Write as _};

use unicode_width::UnicodeWidthStr;

use crate::visible::printable;

/// Between two columns of a table.
const GAP: usize = 2;
/// The last column of a table is wrapped if this, and its longest word, is left for it; else the table is stacked.
const LEAST: usize = 24;

/// How many columns standard output has: what `COLUMNS` says, else those of a terminal. A file and a pipe have no end.
pub(crate) fn columns() -> Option<usize> {
    columns_of(&std::io::stdout())
}

/// The same of standard error.
pub(crate) fn columns_of_errors() -> Option<usize> {
    let stderr = std::io::stderr();
    if stderr.is_terminal() { columns_of(&stderr) } else { None }
}

/// Writes lines for people to standard error.
pub(crate) fn complain(lines: &str) {
    // There is no one to report it to if standard error is closed.
    let _ = writeln!(std::io::stderr(), "{}", wrapped(columns_of_errors(), &printable(lines)));
}

fn columns_of(stream: &impl std::os::fd::AsFd) -> Option<usize> {
    let said = std::env::var("COLUMNS").ok().and_then(|columns| columns.trim().parse().ok());
    // Some terminals know their columns and no rows.
    let columns = said.or_else(|| Some(rustix::termios::tcgetwinsize(stream).ok()?.ws_col.into()));
    columns.filter(|&columns| columns > 0)
}

/// Columns under their headings; if they do not fit, the last one is wrapped, or each row becomes a block of lines.
pub(crate) fn table<const N: usize>(
    columns: Option<usize>,
    headings: [&str; N],
    rows: &[[String; N]],
) -> String {
    let headings = headings.map(str::to_owned);
    let all = || std::iter::once(&headings).chain(rows);
    let widths: [usize; N] = std::array::from_fn(|column| {
        all().filter_map(|row| row.get(column)).map(|cell| cell.width()).max().unwrap_or_default()
    });
    let before_last: usize = widths.iter().rev().skip(1).map(|width| width + GAP).sum();
    let last = widths.last().copied().unwrap_or_default();
    let words = rows.iter().filter_map(|row| row.last()).flat_map(|cell| cell.split(' '));
    let least = words.map(|word| word.width()).max().unwrap_or_default().max(LEAST);
    let fits = |columns| before_last + last <= columns || before_last + least <= columns;
    match columns.filter(|&columns| !fits(columns)) {
        Some(columns) => stacked(columns, &headings, rows),
        None => all().map(|row| aligned(columns, &widths, row)).collect(),
    }
}

fn aligned<const N: usize>(columns: Option<usize>, widths: &[usize; N], row: &[String; N]) -> String {
    let Some((last, before)) = row.split_last() else { return String::new() };
    let mut line = String::new();
    for (cell, width) in before.iter().zip(widths) {
        line += cell;
        line += &" ".repeat(width + GAP - cell.width());
    }
    hanging(columns, &line, last)
}

fn stacked<const N: usize>(columns: usize, headings: &[String; N], rows: &[[String; N]]) -> String {
    let names = headings.each_ref().map(|heading| heading.to_lowercase());
    let width = names.iter().skip(1).map(|name| name.width()).max().unwrap_or_default();
    let block = |row: &[String; N]| -> String {
        let mut cells = names.iter().zip(row);
        let first = cells.next().map(|(_, cell)| format!("{cell}\n")).unwrap_or_default();
        let lead = |name: &str| format!("  {name}{}", " ".repeat(width + GAP - name.width()));
        first + &cells.map(|(name, cell)| hanging(Some(columns), &lead(name), cell)).collect::<String>()
    };
    rows.iter().map(block).collect::<Vec<_>>().join("\n")
}

/// The text behind a lead, and under itself from the second line on. A word is never broken.
pub(crate) fn hanging(columns: Option<usize>, lead: &str, text: &str) -> String {
    let columns = columns.unwrap_or(usize::MAX);
    // A lead that leaves no room is not repeated.
    let indentation = if lead.width() + LEAST / 2 > columns { 2 } else { lead.width() };
    let (mut lines, mut line, mut is_empty) = (String::new(), lead.to_owned(), true);
    for word in text.split(' ') {
        if !is_empty && line.width() + 1 + word.width() > columns {
            lines += line.trim_end();
            lines.push('\n');
            line = " ".repeat(indentation);
            is_empty = true;
        }
        if !is_empty {
            line.push(' ');
        }
        line += word;
        is_empty = false;
    }
    lines += line.trim_end();
    lines.push('\n');
    lines
}

/// The lines of a text, each wrapped where it is too long, without a line break at the end.
pub(crate) fn wrapped(columns: Option<usize>, text: &str) -> String {
    if columns.is_none() {
        return text.to_owned();
    }
    let indented = |line: &str| {
        let words = line.trim_start();
        let (lead, _) = line.split_at(line.len() - words.len());
        hanging(columns, lead, words)
    };
    let wrapped: String = text.lines().map(indented).collect();
    wrapped.trim_end_matches('\n').to_owned() + if text.ends_with('\n') { "\n" } else { "" }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn rows() -> Vec<[String; 3]> {
        vec![
            ["a1".into(), "管理者".into(), "some words that say more than fits".into()],
            ["b".into(), "x".into(), "-".into()],
        ]
    }

    #[test]
    fn a_table_with_room_is_aligned_by_what_is_seen() {
        let shown = "ID  USER    ACCESS\na1  管理者  some words that say more than fits\nb   x       -\n";
        assert_eq!(table(None, ["ID", "USER", "ACCESS"], &rows()), shown);
        assert_eq!(table(Some(60), ["ID", "USER", "ACCESS"], &rows()), shown);
    }

    #[test]
    fn a_table_that_is_too_wide_wraps_its_last_column() {
        let shown = "\
ID  USER    ACCESS
a1  管理者  some words that say more
            than fits
b   x       -
";
        assert_eq!(table(Some(38), ["ID", "USER", "ACCESS"], &rows()), shown);
    }

    #[test]
    fn a_table_without_room_for_that_is_stacked() {
        let shown = "\
a1
  user    管理者
  access  some words that
          say more than fits

b
  user    x
  access  -
";
        assert_eq!(table(Some(28), ["ID", "USER", "ACCESS"], &rows()), shown);
    }

    proptest! {
        #[test]
        fn no_line_is_longer_than_the_terminal_unless_a_word_is(
            columns in 1_usize..120, text in "(\\PC{0,8} ){0,20}", cells in proptest::collection::vec("\\PC{0,12}", 6),
        ) {
            let row = |at: usize| std::array::from_fn(|cell| cells[at + cell].clone());
            table(Some(columns), ["ID", "USER", "ACCESS"], &[row(0), row(3)]);
            for line in hanging(Some(columns), "  ", &text).lines() {
                prop_assert!(line.width() <= columns || line.split(' ').filter(|word| !word.is_empty()).count() <= 1, "{line:?}");
            }
        }
    }
}
