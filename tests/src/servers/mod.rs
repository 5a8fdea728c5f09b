//! Real Redis (or Valkey) processes for tests: on loopback, on free ports, in temporary directories.
//!
//! A server is killed when its value is dropped, and on Linux also when the test process itself dies. Every wait has a
//! limit; what fails, fails loudly with the last lines of the server's log. Nothing here ever skips a test.

mod binaries;
mod cluster;
mod keeper;
mod patience;
mod ports;
mod server;
mod standalone;

pub use cluster::Cluster;
pub use server::Server;
pub use standalone::Standalone;
