//! README and the book in `docs/`: their shell blocks, run in a shell from top to bottom, print the shown output, and their
//! links have targets. The sources keep to the layers of the architecture.
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
