//! Writes the lines of the log to standard error, from a thread of its own.
//!
//! A thread that has a line adds it and goes on: no request waits for the reader of the log. Lines are written twenty times a
//! second; a warning or an error at once, with all that came before it. What a reader does not take in time, or cannot be
//! written (a full disk, a closed pipe), is dropped and counted, and a line says how many when lines can be written again.

use std::io::{self, Write};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread::{self, Thread};
use std::time::Duration;

use super::repeats::Repeats;

/// How long a line may wait.
const PAUSE: Duration = Duration::from_millis(50);
/// With so many bytes waiting, the writer does not wait any longer.
const MUCH: usize = 128 * 1024;
/// How many bytes may wait; lines beyond are dropped.
const ROOM: usize = 2 * 1024 * 1024;
/// As many more for warnings and errors.
const RESERVE: usize = 256 * 1024;
/// How long the end of the process waits for the reader of the log.
const END: Duration = Duration::from_secs(1);

/// Where lines go. It is cheap to clone.
#[derive(Clone, Default)]
pub(crate) struct Log(Arc<Lines>);

#[derive(Default)]
struct Lines {
    waiting: Mutex<Vec<u8>>,
    dropped: AtomicU64,
    writer: OnceLock<Thread>,
    ends: AtomicBool,
}

impl Log {
    /// Adds a line, which ends with a line feed; if it is pressing, it is written at once.
    pub(crate) fn add(&self, line: &[u8], pressing: bool) {
        let room = if pressing { ROOM + RESERVE } else { ROOM };
        let mut waiting = self.waiting();
        let before = waiting.len();
        if before + line.len() > room {
            self.0.dropped.fetch_add(1, Ordering::Relaxed);
            return;
        }
        waiting.extend_from_slice(line);
        let much = before < MUCH && waiting.len() >= MUCH;
        drop(waiting);
        if let (true, Some(writer)) = (pressing || much, self.0.writer.get()) {
            writer.unpark();
        }
    }

    /// How many lines were dropped since the start.
    pub(crate) fn dropped(&self) -> u64 {
        self.0.dropped.load(Ordering::Relaxed)
    }

    fn waiting(&self) -> MutexGuard<'_, Vec<u8>> {
        self.0.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn ends(&self) -> bool {
        self.0.ends.load(Ordering::Acquire)
    }

    #[cfg(test)]
    pub(crate) fn take(&self) -> String {
        String::from_utf8(std::mem::take(&mut *self.waiting())).unwrap()
    }
}

/// The thread that writes. When this is dropped it ends; all is written by then, if the reader takes it within a second.
pub(crate) struct Writing {
    log: Log,
    repeats: Arc<Repeats>,
    ended: Receiver<()>,
}

impl Writing {
    pub(crate) fn begin(log: Log, repeats: Arc<Repeats>) -> io::Result<Self> {
        let (end, ended) = channel();
        let writer = Writer {
            log: log.clone(),
            repeats: repeats.clone(),
            to: Target::new(io::stderr()),
            reporting: None,
            reported: 0,
        };
        let thread = thread::Builder::new().name("log".into()).spawn(move || writer.work(&end))?;
        let _ = log.0.writer.set(thread.thread().clone());
        Ok(Self { log, repeats, ended })
    }

    /// The log, which knows how many lines were dropped.
    pub(crate) fn log(&self) -> &Log {
        &self.log
    }
}

impl Drop for Writing {
    fn drop(&mut self) {
        self.repeats.report_all();
        self.log.0.ends.store(true, Ordering::Release);
        if let Some(writer) = self.log.0.writer.get() {
            writer.unpark();
        }
        // A reader that does not read holds up nothing, the end included.
        let _ = self.ended.recv_timeout(END);
    }
}

struct Writer {
    log: Log,
    repeats: Arc<Repeats>,
    to: Target<io::Stderr>,
    /// A line that says so many were dropped is under way.
    reporting: Option<u64>,
    /// How many were said to be dropped.
    reported: u64,
}

impl Writer {
    fn work(mut self, end: &Sender<()>) {
        let mut leaving = Vec::new();
        loop {
            let ends = self.log.ends();
            self.write(&mut leaving);
            if ends {
                // The caller that waits may have given up.
                let _ = end.send(());
                return;
            }
            self.repeats.report_old();
            thread::park_timeout(PAUSE);
        }
    }

    /// Writes what there is. Meanwhile others can add to it.
    fn write(&mut self, leaving: &mut Vec<u8>) {
        std::mem::swap(leaving, &mut *self.log.waiting());
        if leaving.is_empty() {
            return;
        }
        let log = self.log.clone();
        let lost = self.to.write(leaving, || log.ends());
        leaving.clear();
        leaving.shrink_to(MUCH);
        self.log.0.dropped.fetch_add(lost, Ordering::Relaxed);
        match lost {
            0 => self.reported = self.reporting.take().unwrap_or(self.reported),
            _ => self.reporting = None,
        }
        let dropped = self.log.dropped();
        if lost == 0 && dropped > self.reported && self.reporting.is_none() {
            tracing::warn!(
                lines = dropped - self.reported,
                "lines of this log were dropped: they could not be written in time"
            );
            self.reporting = Some(dropped);
        }
    }
}

/// What lines are written to.
struct Target<W> {
    to: W,
    /// The last line was written in part.
    torn: bool,
}

impl<W: Write> Target<W> {
    fn new(to: W) -> Self {
        Self { to, torn: false }
    }

    /// Writes lines, and answers how many of them were lost. One that was written in part is lost, and the next begins on a
    /// line of its own.
    fn write(&mut self, lines: &[u8], gives_up: impl Fn() -> bool) -> u64 {
        if self.torn && !self.put(b"\n", &gives_up).is_empty() {
            return count(lines);
        }
        self.torn = false;
        let rest = self.put(lines, gives_up);
        let written = lines.len() - rest.len();
        self.torn = !rest.is_empty()
            && lines.get(..written).is_some_and(|done| !done.is_empty() && !done.ends_with(b"\n"));
        count(rest)
    }

    /// What could not be written.
    fn put<'a>(&mut self, mut bytes: &'a [u8], gives_up: impl Fn() -> bool) -> &'a [u8] {
        while !bytes.is_empty() {
            match self.to.write(bytes) {
                Ok(0) => break,
                Ok(written) => bytes = bytes.get(written..).unwrap_or_default(),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                // A pipe that another process made non-blocking is full.
                Err(error) if error.kind() == io::ErrorKind::WouldBlock && !gives_up() => {
                    thread::park_timeout(PAUSE)
                }
                Err(_) => break,
            }
        }
        bytes
    }
}

fn count(lines: &[u8]) -> u64 {
    lines.iter().filter(|&&byte| byte == b'\n').count() as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A disk with so much room.
    struct Disk {
        room: usize,
        kept: Vec<u8>,
    }

    impl Write for Disk {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let fits = bytes.len().min(self.room);
            if fits == 0 {
                return Err(io::ErrorKind::StorageFull.into());
            }
            self.kept.extend_from_slice(&bytes[..fits]);
            self.room -= fits;
            Ok(fits)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_full_disk_loses_whole_lines_and_tears_none_in_two() {
        for room in 0..=12 {
            let mut target = Target::new(Disk { room, kept: Vec::new() });
            let lost = target.write(b"one\ntwo\nsix\n", || false);
            assert_eq!(lost, 3 - room as u64 / 4, "{room}");
            target.to.room = 100;
            assert_eq!(target.write(b"ten\n", || false), 0);
            let kept = String::from_utf8(target.to.kept).unwrap();
            let whole = kept.lines().filter(|line| ["one", "two", "six"].contains(line)).count();
            assert_eq!((whole, kept.lines().last()), ((room + 1) / 4, Some("ten")), "{room}: {kept:?}");
        }
    }

    #[test]
    fn log_lines_that_find_no_room_are_dropped_and_counted() {
        let (log, line) = (Log::default(), [b'x'; 1024]);
        for _ in 0..ROOM / line.len() + 7 {
            log.add(&line, false);
        }
        assert_eq!(log.dropped(), 7);
        log.add(&line, true);
        assert_eq!(log.dropped(), 7, "there is room left for warnings");
        for _ in 0..RESERVE / line.len() {
            log.add(&line, true);
        }
        assert_eq!(log.dropped(), 8);
    }
}
