//! What was asked and what was answered, in a file that anybody can judge later.
//!
//! One JSON object a line. The first one tells what was done; then, in the order in which they ended, all calls, and
//! marks for what happened to the servers. Times are microseconds of one clock. Tokens are named by their ids.

use std::fs::File;
use std::io::{self, BufRead, BufReader, BufWriter, Write};
use std::path::Path;
use std::sync::mpsc::{Sender, channel};
use std::thread::JoinHandle;
use std::time::Instant;

use serde::{Deserialize, Serialize};

/// A line of a history.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Line {
    /// What was done: the first line.
    Head(Head),
    /// A question and its answer.
    Call(Call),
    /// Something that happened to the servers.
    Mark(Mark),
}

/// What was done, and what is promised of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Head {
    /// The topology.
    pub topology: String,
    /// The fault.
    pub fault: String,
    /// The level that changes were to be confirmed at.
    pub level: String,
    /// All choices follow from it.
    pub seed: u64,
    /// Which round of the run this is.
    pub round: usize,
    /// The fault may undo changes that no replica has confirmed.
    pub may_lose: bool,
    /// Calls may fail meanwhile.
    pub may_fail: bool,
    /// By when a validation has ended, in microseconds.
    pub validate_deadline: u64,
    /// By when any other call has ended, in microseconds.
    pub deadline: u64,
}

/// One call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Call {
    /// What was asked.
    pub op: Operation,
    /// The token's id; empty for an issue that failed, which names none.
    pub token: String,
    /// When it was asked.
    pub from: u64,
    /// When it was answered.
    pub to: u64,
    /// The answer.
    pub answer: Answer,
}

/// What can be asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Operation {
    /// Issue a token.
    Issue,
    /// Validate it.
    Validate,
    /// Revoke it.
    Revoke,
}

/// What can be answered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Answer {
    /// The token counts.
    Active,
    /// The token does not count.
    Inactive,
    /// The change is done, and at least one replica has confirmed it.
    Confirmed,
    /// The change is done; no replica was asked, or not all have confirmed it.
    Done,
    /// There was no such token to change.
    Unknown,
    /// It could not be found out or done.
    Failed {
        /// A word for the reason.
        why: String,
        /// Another try is said not to help either.
        for_good: bool,
        /// The whole message.
        message: String,
    },
}

/// Something that happened to the servers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mark {
    /// When.
    pub at: u64,
    /// What.
    pub what: Happening,
}

/// What can happen to the servers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Happening {
    /// The fault begins.
    Fault,
    /// The servers themselves are well again: every shard has a primary, and all agree on it.
    Well,
    /// Everything runs again.
    Repaired,
    /// The load is over; from here on each token is looked at once more.
    LastLook,
}

/// Writes a history while it happens.
#[derive(Debug)]
pub struct Recorder {
    start: Instant,
    lines: Sender<Line>,
    writer: JoinHandle<io::Result<()>>,
}

impl Recorder {
    /// Begins a history in a new file.
    ///
    /// # Errors
    /// The file cannot be made.
    pub fn begin(path: &Path, head: Head) -> io::Result<Self> {
        let mut file = BufWriter::new(File::create(path)?);
        let (lines, inbox) = channel::<Line>();
        let writer = std::thread::spawn(move || {
            for line in inbox {
                serde_json::to_writer(&mut file, &line)?;
                file.write_all(b"\n")?;
            }
            file.flush()
        });
        let recorder = Self { start: Instant::now(), lines, writer };
        recorder.write(Line::Head(head));
        Ok(recorder)
    }

    /// The time now.
    #[must_use]
    pub fn now(&self) -> u64 {
        u64::try_from(self.start.elapsed().as_micros()).expect("no test lasts for ages")
    }

    /// Notes a call that has just ended.
    pub fn call(&self, op: Operation, token: impl Into<String>, from: u64, answer: Answer) {
        self.write(Line::Call(Call { op, token: token.into(), from, to: self.now(), answer }));
    }

    /// Notes what happens to the servers now.
    pub fn mark(&self, what: Happening) {
        self.write(Line::Mark(Mark { at: self.now(), what }));
    }

    /// Ends the history.
    ///
    /// # Errors
    /// It could not be written.
    pub fn end(self) -> io::Result<()> {
        drop(self.lines);
        self.writer.join().expect("writing lines does not panic")
    }

    fn write(&self, line: Line) {
        // When the disk is full, the end says so.
        let _ = self.lines.send(line);
    }
}

/// Reads a history.
///
/// # Errors
/// The file cannot be read, or has a line that is none of a history.
pub fn read(path: &Path) -> io::Result<Vec<Line>> {
    let lines = BufReader::new(File::open(path)?).lines();
    let parse = |line: io::Result<String>| Ok(serde_json::from_str(&line?)?);
    lines.map(parse).collect::<io::Result<_>>().map_err(|error| {
        io::Error::other(format!("{} is no history that can be judged: {error}", path.display()))
    })
}
