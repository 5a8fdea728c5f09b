//! The command as people use it: what they type, paste, leave empty and look at.

#![expect(clippy::unwrap_used, reason = "a test panics where it fails")]

mod completions;
mod config_file;
mod delivery;
mod exits;
mod files;
mod forged;
mod input;
#[path = "../kit/mod.rs"]
mod kit;
mod look_alikes;
mod numbers;
mod other_keys;
mod paths;
mod settings;
mod spellings;
mod stores;
mod terminal;
mod texts;
mod true_causes;
