//! README and the book in `docs/`: their shell blocks, pasted into a shell from top to bottom, do what the page says, and
//! their links lead somewhere. The sources keep to their layers.
#![expect(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "all of this is test code: a panic is a failed test, and its message says what failed"
)]

mod blocks;
mod errors;
mod layers;
mod links;
mod pages;
mod size;
