//! `doctor`

use std::fmt::Write as _;

use anstyle::AnsiColor;
use serde::Serialize;
use token_doctor::{Finding, FindingStatus};

use crate::args::{DoctorArgs, Settings};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::format::Format;
use crate::layout;
use crate::open::examine;
use crate::plural::count;
use crate::report::{Report, table};
use crate::visible::visible;

/// How many nodes a row names before it counts them.
const NAMED: usize = 2;

/// How many characters of what a server says are shown.
const LONGEST: usize = 200;

/// How long a line of an explanation may be.
const WIDTH: usize = 100;

pub(crate) async fn run(
    arguments: &DoctorArgs,
    format: Format,
    settings: &Settings,
) -> Result<Report, Failure> {
    let findings = examine(settings, arguments.role).await?;
    let json = Json::of(&findings);
    let exit = if json.failures > 0 { Exit::Negative } else { Exit::Done };
    let report = Report::new(format, exit, &json, || human(&json, arguments.verbose))?;
    Ok(if format == Format::Human { report.painted(painted) } else { report })
}

#[derive(Serialize)]
struct Json<'a> {
    ok: usize,
    warnings: usize,
    failures: usize,
    findings: &'a [Finding],
}

impl<'a> Json<'a> {
    fn of(findings: &'a [Finding]) -> Self {
        let count = |status| findings.iter().filter(|finding| finding.status == status).count();
        Self {
            ok: count(FindingStatus::Ok),
            warnings: count(FindingStatus::Warning),
            failures: count(FindingStatus::Failure),
            findings,
        }
    }
}

/// The table, then what is to say about its rows, then a summary.
fn human(json: &Json<'_>, verbose: bool) -> String {
    let rows = rows(json.findings, verbose);
    let mut text = table(["STATUS", "CHECK", "NODE", "FOUND"], rows.iter().map(Row::cells));
    let told = |row: &&Row<'_>| verbose || row.finding.status != FindingStatus::Ok;
    for of_check in rows.chunk_by(|a, b| a.finding.check == b.finding.check) {
        let mut told = of_check.iter().filter(told).peekable();
        let Some(Finding { check, wanted, why, .. }) = told.peek().map(|row| row.finding) else { continue };
        // Writing to a String cannot fail.
        let _ = write!(text, "\n{check}\n{}{}", wrapped("  good  ", wanted), wrapped("  why   ", why));
        for nodes in told.map(|row| &row.nodes).filter(|nodes| nodes.len() > NAMED) {
            let _ = write!(text, "{}", wrapped("  at    ", &visible(nodes.join(", "))));
        }
    }
    let Json { ok, warnings, failures, .. } = json;
    let _ = writeln!(
        text,
        "\n{ok} ok, {}, {}",
        count(*warnings as u64, "warning"),
        count(*failures as u64, "failure")
    );
    text
}

/// Lines of a readable length, all but the first indented as far as `lead` is wide.
fn wrapped(lead: &str, text: &str) -> String {
    let columns = layout::columns().map_or(WIDTH, |columns| columns.min(WIDTH));
    layout::hanging(Some(columns), lead, text)
}

/// The text with the statuses of its table in colour, on a terminal that wants colours (see <https://no-color.org>).
fn painted(text: &str) -> String {
    match anstream::AutoStream::choice(&std::io::stdout()) {
        anstream::ColorChoice::Never => text.to_owned(),
        _ => text.lines().map(|line| in_colour(line) + "\n").collect(),
    }
}

fn in_colour(line: &str) -> String {
    let statuses = [("ok", AnsiColor::Green), ("warning", AnsiColor::Yellow), ("failure", AnsiColor::Red)];
    let found = statuses.into_iter().find_map(|(status, colour)| {
        let rest = line.strip_prefix(status).filter(|rest| rest.is_empty() || rest.starts_with(' '))?;
        let style = colour.on_default().bold();
        Some(format!("{style}{status}{style:#}{rest}"))
    });
    found.unwrap_or_else(|| line.to_owned())
}

/// The same finding at some nodes.
struct Row<'a> {
    finding: &'a Finding,
    nodes: Vec<&'a str>,
}

/// The rows, those of a check together; the same finding at several nodes is one, unless each is to be seen.
fn rows(findings: &[Finding], verbose: bool) -> Vec<Row<'_>> {
    let mut rows: Vec<Row<'_>> = Vec::new();
    for finding in findings {
        let same = |row: &&mut Row<'_>| {
            let other = row.finding;
            !verbose
                && (other.check, other.status, &other.found)
                    == (finding.check, finding.status, &finding.found)
                && other.node.is_some() == finding.node.is_some()
        };
        match rows.iter_mut().find(same) {
            Some(row) => row.nodes.extend(finding.node.as_deref()),
            None => {
                let behind = rows.iter().rposition(|row| row.finding.check == finding.check);
                let place = behind.map_or(rows.len(), |last| last + 1);
                rows.insert(place, Row { finding, nodes: finding.node.as_deref().into_iter().collect() });
            }
        }
    }
    rows
}

impl Row<'_> {
    fn cells(&self) -> [String; 4] {
        let Finding { check, status, found, .. } = self.finding;
        let nodes = match self.nodes.as_slice() {
            [] => "-".to_owned(),
            nodes if nodes.len() <= NAMED => nodes.join(", "),
            nodes => count(nodes.len() as u64, "node"),
        };
        [status.to_string(), (*check).to_owned(), cut(visible(nodes)), cut(visible(in_one_line(found)))]
    }
}

/// A cause on a line of its own is not escaped, but joined.
fn in_one_line(found: &str) -> String {
    found.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// No more of what a server says than anybody reads. JSON has all of it.
fn cut(text: String) -> String {
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use token_doctor::Check;

    use super::*;

    const DEPTH: Check = Check { name: "depth", wanted: "deep", why: "the shallow dries up" };
    const SALT: Check = Check { name: "salt", wanted: "none", why: "it tastes" };

    fn shown(findings: &[Finding], verbose: bool) -> String {
        human(&Json::of(findings), verbose)
    }

    #[test]
    fn bad_findings_are_explained_once_and_good_ones_on_request() {
        let findings = [DEPTH.ok("deep").at("a"), SALT.warning("some").at("a"), SALT.warning("much").at("b")];
        let brief = "\
STATUS   CHECK  NODE  FOUND
ok       depth  a     deep
warning  salt   a     some
warning  salt   b     much

salt
  good  none
  why   it tastes

1 ok, 2 warnings, 0 failures
";
        assert_eq!(shown(&findings, false), brief);
        assert!(shown(&findings, true).contains("depth\n  good  deep\n  why   the shallow dries up\n"));
    }

    #[test]
    fn equal_findings_are_one_row_and_bad_ones_name_their_nodes() {
        let at = |check: &Check, status| ["a", "b", "c"].map(|node| check.finding(status, "x").at(node));
        let findings = [at(&DEPTH, FindingStatus::Ok), at(&SALT, FindingStatus::Failure)].concat();
        let text = shown(&findings, false);
        assert!(text.contains("ok       depth  3 nodes  x\nfailure  salt   3 nodes  x\n"), "{text}");
        assert!(text.contains("  why   it tastes\n  at    a, b, c\n"), "{text}");
        assert_eq!(shown(&findings, true).lines().filter(|line| line.starts_with("ok ")).count(), 3);
    }

    #[test]
    fn an_explanation_is_wrapped_and_indented() {
        let text = wrapped("  why   ", &"word ".repeat(40));
        assert!(text.lines().count() == 3 && text.lines().all(|line| line.len() <= WIDTH), "{text}");
        assert!(
            text.starts_with("  why   word")
                && text.lines().skip(1).all(|line| line.starts_with("        word"))
        );
    }

    #[test]
    fn text_of_a_server_is_escaped_and_shortened_in_the_table() {
        let text = shown(&[DEPTH.ok("\u{1b}[2Jx\ty\nz\u{202e}").at("h\r:1")], false);
        assert!(text.contains("h\\u{d}:1"), "{text}");
        let long = shown(&[DEPTH.ok("ä".repeat(10_000))], false);
        assert!(long.contains(&format!("{}…\n", "ä".repeat(LONGEST))), "{long}");
        assert!(text.contains("\\u{1b}[2Jx y z\\u{202e}"), "{text}");
    }
}
