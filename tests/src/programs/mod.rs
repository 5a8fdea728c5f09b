//! Programs that people run: our command and its sidecar, and the proxies in front of it.

mod cli;
mod collector;
mod curl;
mod daemon;
mod folder;
mod published;
mod shell;
mod stock;
mod uploads;

pub use cli::{Cli, KEY_FILE, Ran, Running, Signal};
pub use collector::{Collector, Span};
pub use curl::{Answer, With, curl, run};
pub use daemon::{Daemon, program};
pub use folder::{ApacheFolder, CaddyFolder, HaproxyFolder, NginxFolder};
pub use published::{PublishedFolder, published_block, published_block_with};
pub use shell::bash;
pub use stock::{installed, script};
pub use uploads::{Upstream, most_scopes, takes_large_uploads};
