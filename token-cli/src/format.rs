//! For whom the command writes.

/// For whom a result is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Format {
    /// For people.
    Human,
    /// One line of JSON.
    Json,
    /// The one thing that was asked for, and a newline.
    Quiet,
}
