//! Results, for people and for programs.

use std::io::Write as _;

use serde::Serialize;
use token_core::{Access, Confirmation, Grant, Timestamp};
use zeroize::Zeroizing;

use crate::delivery;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::format::Format;
use crate::layout;
use crate::visible::{printable, visible};
use crate::warning::{self, Warning};

/// What a command has to say on standard output, and how it ended.
#[derive(Debug)]
pub(crate) struct Report {
    text: Zeroizing<String>,
    exit: Exit,
    /// It is for a program, and so is what goes to standard error.
    json: bool,
    warnings: Vec<Warning>,
    /// What is lost if it cannot be written.
    lost: Lost,
}

/// What a caller lacks that does not get the text.
#[derive(Debug, Clone, Copy)]
enum Lost {
    /// The result, so that standard output must be open.
    Result,
    /// Nothing that the exit code does not tell: callers may leave standard output closed.
    Words,
    /// What became of a change: the change itself was made.
    Outcome(&'static str),
}

impl Report {
    /// A report of this text, which may be empty and otherwise ends its last line.
    pub(crate) fn text(exit: Exit, text: String) -> Self {
        Self { text: Zeroizing::new(text), exit, json: false, warnings: Vec::new(), lost: Lost::Result }
    }

    /// A report in JSON where that is asked for, else the text that `human` writes.
    pub(crate) fn new(
        format: Format,
        exit: Exit,
        json: &impl Serialize,
        human: impl FnOnce() -> String,
    ) -> Result<Self, Failure> {
        let text = match format {
            Format::Json => {
                // Room from the start: growing would leave copies of a secret behind.
                let mut line = Vec::with_capacity(4096);
                serde_json::to_writer(&mut line, json).map_err(|error| Failure::system(error.into()))?;
                line.push(b'\n');
                String::from_utf8(line).unwrap_or_default()
            }
            Format::Human => printable(&human()),
            Format::Quiet => human(),
        };
        Ok(Self { json: format == Format::Json, ..Self::text(exit, text) })
    }

    /// What it writes.
    #[cfg(test)]
    pub(crate) fn shown(&self) -> &str {
        &self.text
    }

    /// The same with its text changed by `paint`, which may add colours.
    pub(crate) fn painted(mut self, paint: impl FnOnce(&str) -> String) -> Self {
        self.text = Zeroizing::new(paint(&self.text));
        self
    }

    /// The same about a change that was done, but ends with [`Exit::Store`] and says so on standard error when the change
    /// is not confirmed. `again` says how to wait for it once more.
    pub(crate) fn if_confirmed(self, done: &str, confirmation: Confirmation, again: &str) -> Self {
        self.warn(Warning::unconfirmed(done, confirmation, again))
    }

    /// The same with a warning on standard error, if there is one, and an exit code at least as bad as that.
    pub(crate) fn warn(mut self, warning: Option<Warning>) -> Self {
        if let Some(warning) = warning {
            self.exit = self.exit.max(warning.exit());
            self.warnings.push(warning);
        }
        self
    }

    /// Writes it. A reader that went away has seen enough.
    pub(crate) fn print(&self) -> Result<Exit, Failure> {
        // For people, what is wrong comes first; for programs, all of it is one object.
        if !self.json {
            warning::tell(&self.warnings, false);
        }
        let written = if self.text.is_empty() { Ok(()) } else { self.write() };
        let failure = match (self.lost, printed(written)) {
            (_, Ok(())) if self.json => {
                warning::tell(&self.warnings, true);
                return Ok(self.exit);
            }
            (_, Ok(())) => return Ok(self.exit),
            (Lost::Outcome(done), Err(Failure::System { what, source })) if self.exit == Exit::Done => {
                Failure::System { what: format!("{done}, but it cannot be reported: {what}"), source }
            }
            (_, Err(failure)) => failure,
        };
        let told = self.warnings.iter().filter(|_| self.json);
        Err(told.fold(failure, |failure, warning| failure.and(warning.sentence())))
    }

    fn write(&self) -> std::io::Result<()> {
        if matches!(self.lost, Lost::Result) {
            delivery::is_open()?;
        }
        let mut stdout = std::io::stdout().lock();
        stdout.write_all(self.text.as_bytes()).and_then(|()| stdout.flush())
    }

    /// The same of a command whose exit code is its answer: standard output may be closed.
    pub(crate) fn answered_by_exit_code(self) -> Self {
        Self { lost: Lost::Words, ..self }
    }

    /// The same about a change that was made: `done` says so if the text cannot be written.
    pub(crate) fn after(self, done: &'static str) -> Self {
        Self { lost: Lost::Outcome(done), ..self }
    }

    /// Writes it, and fails if nobody can have read its first line. What is left to print is how it ended.
    pub(crate) fn deliver(&self) -> Result<Self, std::io::Error> {
        delivery::deliver(&self.text)?;
        warning::tell(&self.warnings, self.json);
        Ok(Self::text(self.exit, String::new()))
    }
}

/// How writing to standard output ended. A reader that went away has seen enough.
pub(crate) fn printed(written: std::io::Result<()>) -> Result<(), Failure> {
    match written {
        Err(source) if source.kind() != std::io::ErrorKind::BrokenPipe => {
            Err(Failure::System { what: "cannot write to standard output".into(), source })
        }
        _ => Ok(()),
    }
}

/// The facts of a grant, a line each.
pub(crate) fn facts(grant: &Grant) -> String {
    let mut text = String::new();
    let columns = layout::columns();
    let mut line = |name: &str, value: &dyn std::fmt::Display| {
        text += &layout::hanging(columns, &format!("  {name:<8} "), &value.to_string());
    };
    line("id", &grant.id);
    line("user", &visible(&grant.subject));
    line("access", &access(&grant.access));
    if let Some(label) = &grant.label {
        line("label", &visible(label));
    }
    if let Some(issuer) = &grant.issuer {
        line("issuer", &visible(issuer));
    }
    line("issued", &in_seconds(grant.issued_at));
    line("expires", &in_seconds(grant.expires_at));
    if let Some(extension) = extension(grant) {
        line("", &extension);
    }
    text
}

/// How use prolongs the token, in words.
fn extension(grant: &Grant) -> Option<String> {
    let window = grant.deadlines.window()?;
    Some(match grant.deadlines.cap() {
        Some(cap) => format!("each use extends it by {window}, at the latest until {}", in_seconds(cap)),
        None => format!("each use extends it by {window}"),
    })
}

/// The access in one line.
pub(crate) fn access(access: &Access) -> String {
    match access.scopes() {
        None => "full (everything that the user may do)".into(),
        Some(scopes) => scopes.iter().map(|scope| scope.to_string()).collect::<Vec<_>>().join(", "),
    }
}

/// A time for people: whole seconds, never later than it is.
pub(crate) fn in_seconds(time: Timestamp) -> String {
    format!("{:.0}", Timestamp::from_millis(time.as_millis() / 1000 * 1000))
}

/// Columns under their headings.
pub(crate) fn table<const N: usize>(
    headings: [&str; N],
    rows: impl IntoIterator<Item = [String; N]>,
) -> String {
    layout::table(layout::columns(), headings, &rows.into_iter().collect::<Vec<_>>())
}
