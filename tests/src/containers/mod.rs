//! Redis in containers, if a Docker engine has its image or can fetch it: one server, or a cluster whose six nodes share a
//! container. They listen on loopback only, on the same ports inside and outside, so that the addresses that nodes announce
//! are valid outside.
//!
//! A container is removed when its value is dropped, and also when the test process itself dies: it exits when a connection
//! of this process ends (see `serve.sh`).

mod choice;
mod cluster;
mod container;
mod engine;
mod image;
mod server;

pub use choice::{Way, choose};
pub use cluster::Cluster;
pub use image::Image;
pub use server::Server;
