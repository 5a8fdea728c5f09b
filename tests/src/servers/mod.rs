//! Real Redis (or Valkey) processes for tests: on loopback, on free ports, in temporary directories.
//!
//! A server is killed when its value is dropped, and on Linux also when the test process itself dies. Every wait has a
//! limit, and failures panic with the last lines of the server's log. No test is ever skipped.

mod binaries;
mod certificates;
pub(crate) mod cluster;
mod disk;
mod info;
mod keeper;
pub(crate) mod patience;
mod plan;
pub(crate) mod ports;
mod proxies;
mod proxy;
mod replicated;
mod replication;
mod roles;
mod sentinel;
mod server;
mod standalone;

pub use certificates::{Certificates, ClientCertificates, Unacceptable};
pub use cluster::{Cluster, Move, Takeover};
pub use disk::Disk;
pub(crate) use keeper::Kept;
pub(crate) use patience::{Missing, wait_for};
pub use proxy::Proxy;
pub use replicated::Replicated;
pub use roles::Roles;
pub use sentinel::Sentinel;
pub use server::Server;
pub use standalone::Standalone;

/// A free port, reserved for this process.
#[must_use]
pub fn free_port() -> u16 {
    let [port] = ports::free();
    port
}
