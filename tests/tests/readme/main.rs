//! README and the book in `docs/`: their shell blocks, pasted into a shell from top to bottom, do what the page says, and
//! their links lead somewhere.
#![expect(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "all of this is test code: a panic is a failed test, and its message says what failed"
)]

mod blocks;
mod errors;
mod links;
mod pages;
mod size;
