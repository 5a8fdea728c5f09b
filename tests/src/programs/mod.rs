//! Programs that people run: our command and its sidecar, and the ones that they put in front of it.

mod cli;
mod daemon;
mod folder;

pub use cli::{Cli, KEY_FILE, Ran, Running, Signal};
pub use daemon::{Daemon, program};
pub use folder::{ApacheFolder, CaddyFolder, NginxFolder};
