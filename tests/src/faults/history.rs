//! The history of a round: all calls and answers, in a file that can be judged later.
//!
//! One JSON object per line. The first one describes the round. Then follow, in the order in which they ended, all calls,
//! and marks for events at the servers. Times are microseconds of one clock. Tokens are named by their ids.

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
    /// The description of the round: the first line.
    Head(Head),
    /// A call and its answer.
    Call(Call),
    /// An event at the servers.
    Mark(Mark),
}

/// The description of a round, and its promises.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Head {
    /// The topology.
    pub topology: String,
    /// The fault.
    pub fault: String,
    /// The requested level of confirmation.
    pub level: String,
    /// The seed of all random choices.
    pub seed: u64,
    /// Which round of the run this is.
    pub round: usize,
    /// Whether the fault may undo changes that no replica has confirmed.
    pub may_lose: bool,
    /// Whether calls may fail during the fault.
    pub may_fail: bool,
    /// The deadline of a validation, in microseconds.
    pub validate_deadline: u64,
    /// The deadline of any other call, in microseconds.
    pub deadline: u64,
}

/// One call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Call {
    /// The operation.
    pub op: Operation,
    /// The token's id; empty for a failed issue, which has none.
    pub token: String,
    /// When the call started.
    pub from: u64,
    /// When the call ended.
    pub to: u64,
    /// The answer.
    pub answer: Answer,
}

/// An operation.
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

/// An answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Answer {
    /// The token is valid.
    Active,
    /// The token is not valid.
    Inactive,
    /// The change is made, and at least one replica has confirmed it.
    Confirmed,
    /// The change is made; no replica was asked, or not all have confirmed it.
    Done,
    /// There was no such token to change.
    Unknown,
    /// The call failed.
    Failed {
        /// The code of the error.
        why: String,
        /// Whether the error says that a retry cannot help.
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

/// An event at the servers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Happening {
    /// The fault starts.
    Fault,
    /// The servers have recovered: every shard has a primary, and all servers agree on it.
    Well,
    /// All servers run again.
    Repaired,
    /// The load has ended; after this, each token is checked once more.
    LastLook,
}

/// Writes a history during a round.
#[derive(Debug)]
pub struct Recorder {
    start: Instant,
    lines: Sender<Line>,
    writer: JoinHandle<io::Result<()>>,
}

impl Recorder {
    /// Starts a history in a new file.
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

    /// The current time.
    #[must_use]
    pub fn now(&self) -> u64 {
        u64::try_from(self.start.elapsed().as_micros()).expect("no test lasts for ages")
    }

    /// Records a call that has just ended.
    pub fn call(&self, op: Operation, token: impl Into<String>, from: u64, answer: Answer) {
        self.write(Line::Call(Call { op, token: token.into(), from, to: self.now(), answer }));
    }

    /// Records an event at the servers.
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
        // An error of a full disk is reported by `end`.
        let _ = self.lines.send(line);
    }
}

/// Reads a history.
///
/// # Errors
/// The file cannot be read, or has a line that does not belong to a history.
pub fn read(path: &Path) -> io::Result<Vec<Line>> {
    let lines = BufReader::new(File::open(path)?).lines();
    let parse = |line: io::Result<String>| Ok(serde_json::from_str(&line?)?);
    lines.map(parse).collect::<io::Result<_>>().map_err(|error| {
        io::Error::other(format!("{} is no history that can be judged: {error}", path.display()))
    })
}
