//! Examining the embedded store: its file, and the tokens in it.

mod database;
mod tokens;

pub use self::database::{examine, examine_mode};
pub use self::tokens::examine_tokens;

#[cfg(test)]
mod tests;
