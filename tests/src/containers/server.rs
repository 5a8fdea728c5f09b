//! One server in a container of its own.

use redis::aio::MultiplexedConnection;

use super::container::{Container, connect, url};
use super::image::Image;
use crate::servers::ports;

/// A server without replicas. It is removed on drop.
#[derive(Debug)]
pub struct Server {
    container: Container,
}

impl Server {
    /// Starts an empty server.
    ///
    /// # Panics
    /// It does not start. The message ends with its log.
    pub async fn start(image: &Image) -> Self {
        let started = Container::start(image.clone(), ports::free::<1>().to_vec()).await;
        Self { container: started.unwrap_or_else(|failure| panic!("{failure}")) }
    }

    /// Its port on loopback.
    #[must_use]
    pub fn port(&self) -> u16 {
        *self.container.ports().first().expect("it was started with one")
    }

    /// Its URL, `redis://127.0.0.1:PORT`.
    #[must_use]
    pub fn url(&self) -> String {
        url(self.port())
    }

    /// The id of its container in the engine.
    #[must_use]
    pub fn container(&self) -> &str {
        self.container.id()
    }

    /// A new connection on the calling runtime.
    ///
    /// # Panics
    /// The server does not answer.
    pub async fn connection(&self) -> MultiplexedConnection {
        let port = self.port();
        connect(port).await.unwrap_or_else(|error| panic!("the container's port {port}: {error}"))
    }
}
