//! The write-ahead log as bytes (<https://sqlite.org/fileformat2.html#the_write_ahead_log>).

use std::path::Path;

const HEADER: usize = 32;
const FRAME_HEADER: usize = 24;

/// The log beside the database.
pub(super) fn beside(database: &Path) -> std::path::PathBuf {
    database.with_extension("db-wal")
}

/// The salt of the log, which changes when the log restarts from its beginning.
pub(super) fn salts(log: &[u8]) -> &[u8] {
    log.get(16..24).unwrap_or_default()
}

/// The end of the part of the log that was moved into the file, according to the shared memory
/// (<https://sqlite.org/walformat.html#the_wal_index_file_format>). That part was synced before.
pub(super) fn moved(log: &[u8], shared: &[u8]) -> usize {
    let frames = u32::from_ne_bytes(shared[128..132].try_into().unwrap());
    HEADER + frames as usize * frame(log)
}

/// The length of a frame.
fn frame(log: &[u8]) -> usize {
    FRAME_HEADER + number(log, 8)
}

fn number(log: &[u8], at: usize) -> usize {
    u32::from_be_bytes(log[at..at + 4].try_into().unwrap()) as usize
}

/// The end of each transaction in the log.
pub(super) fn commits(log: &[u8]) -> Vec<usize> {
    if log.len() < HEADER {
        return Vec::new();
    }
    let frame = frame(log);
    let starts = (HEADER..=log.len().saturating_sub(frame)).step_by(frame);
    let ours = starts.take_while(|at| log[at + 8..at + 16] == log[16..24]);
    // The last frame of a transaction has the size of the database.
    ours.filter(|at| number(log, at + 4) != 0).map(|at| at + frame).collect()
}
