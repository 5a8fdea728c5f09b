//! Results, for people and for programs.

use std::io::Write as _;

use serde::Serialize;
use token_core::{Access, Confirmation, ConfirmationLevel, Grant, Timestamp, Unconfirmed};
use zeroize::Zeroizing;

use crate::delivery;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::format::Format;
use crate::layout;
use crate::visible::{printable, visible};

/// What a command has to say on standard output, and how it ended.
#[derive(Debug)]
pub(crate) struct Report {
    text: Zeroizing<String>,
    exit: Exit,
    warning: Option<String>,
    /// What is lost if it cannot be written.
    lost: Lost,
}

/// What a caller lacks that does not get the text.
#[derive(Debug, Clone, Copy)]
enum Lost {
    /// What the exit code does not tell.
    Text,
    /// The whole result, so that standard output must be open.
    Result,
    /// What became of a change: the change itself was made.
    Outcome(&'static str),
}

impl Report {
    /// A report of this text, which may be empty and otherwise ends its last line.
    pub(crate) fn text(exit: Exit, text: String) -> Self {
        Self { text: Zeroizing::new(text), exit, warning: None, lost: Lost::Text }
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
        Ok(Self::text(exit, text))
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
        if confirmation.is_confirmed() {
            return self;
        }
        let Confirmation { level, expected, reached, reason } = confirmation;
        let mend = format!("mend the replication, then {again}");
        let (by, advice) = match level {
            ConfirmationLevel::Disk => (
                format!("by the disk of the server ({})", why(reason)),
                format!("{}, then {again}", mend_disk(reason)),
            ),
            _ if expected == 1 => ("by a replica".to_owned(), mend),
            _ => (format!("by all {expected} replicas ({reached} did)"), mend),
        };
        let warning = format!("warning: {done}, but not confirmed {by}: one failure may undo it; {advice}");
        self.warn(Some((Exit::Store, warning)))
    }

    /// The same with a warning on standard error, if there is one, and an exit code at least as bad as that.
    pub(crate) fn warn(mut self, warning: Option<(Exit, String)>) -> Self {
        if let Some((exit, warning)) = warning {
            self.warning = Some(self.warning.map_or(warning.clone(), |first| format!("{first}\n{warning}")));
            self.exit = self.exit.max(exit);
        }
        self
    }

    /// Writes it. A reader that went away has seen enough.
    pub(crate) fn print(&self) -> Result<Exit, Failure> {
        self.tell_warning();
        let written = if self.text.is_empty() { Ok(()) } else { self.write() };
        match (self.lost, printed(written)) {
            (_, Ok(())) => Ok(self.exit),
            (Lost::Outcome(done), Err(Failure::System { what, source })) if self.exit == Exit::Done => {
                Err(Failure::System { what: format!("{done}, but it cannot be reported: {what}"), source })
            }
            (_, Err(failure)) => Err(failure),
        }
    }

    fn write(&self) -> std::io::Result<()> {
        if matches!(self.lost, Lost::Result) {
            delivery::is_open()?;
        }
        let mut stdout = std::io::stdout().lock();
        stdout.write_all(self.text.as_bytes()).and_then(|()| stdout.flush())
    }

    /// The same, of a command that does nothing but print: it fails if standard output is closed.
    pub(crate) fn requiring_output(self) -> Self {
        Self { lost: Lost::Result, ..self }
    }

    /// The same about a change that was made: `done` says so if the text cannot be written.
    pub(crate) fn after(self, done: &'static str) -> Self {
        Self { lost: Lost::Outcome(done), ..self }
    }

    /// Writes it, and fails if nobody can have read its first line. What is left to print is how it ended.
    pub(crate) fn deliver(&self) -> Result<Self, std::io::Error> {
        delivery::deliver(&self.text)?;
        self.tell_warning();
        Ok(Self::text(self.exit, String::new()))
    }

    fn tell_warning(&self) {
        if let Some(warning) = &self.warning {
            layout::complain(warning);
        }
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

/// Why the disk did not confirm a change.
pub(crate) fn why(reason: Option<Unconfirmed>) -> &'static str {
    match reason {
        Some(Unconfirmed::NoAppendOnlyFile) => "it has appendonly no",
        Some(Unconfirmed::NeverSynced) => "it has appendfsync no, and never says when it has written",
        Some(Unconfirmed::NoWaitAof) => "it has no WAITAOF, which came with Redis 7.2",
        Some(Unconfirmed::NotPermitted) => "this user may not run WAITAOF there",
        Some(Unconfirmed::AnswersEarly) => {
            "its version is not known to answer WAITAOF only when the disk has it, redis/redis#13793"
        }
        Some(Unconfirmed::TooLate) => "no answer within --confirm-timeout",
        _ => "it refused WAITAOF",
    }
}

/// What to do about it.
fn mend_disk(reason: Option<Unconfirmed>) -> &'static str {
    match reason {
        Some(Unconfirmed::NoAppendOnlyFile) => "set appendonly yes",
        Some(Unconfirmed::NeverSynced) => "set appendfsync everysec or always",
        Some(Unconfirmed::NoWaitAof) => "use Redis 7.2 or later, or another --confirm",
        Some(Unconfirmed::NotPermitted) => "give the user +waitaof",
        Some(Unconfirmed::AnswersEarly) => {
            "use Redis 8.0 or later, or set appendfsync always and give the user +config|get"
        }
        Some(Unconfirmed::TooLate) => "wait longer, or look at its disk and for appendfsync no",
        _ => "see the log",
    }
}
