//! Redis in containers, where a Docker engine has its image or gets it: one server, or a cluster whose six nodes share
//! a container. They listen on loopback only, on the same ports inside and out, so that what the nodes announce is where
//! they are.
//!
//! A container is removed when its value is dropped, and also when the test process itself dies: it lives on a
//! connection that this process holds (see `serve.sh`).

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
