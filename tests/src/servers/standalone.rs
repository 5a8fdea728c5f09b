//! One server on its own.

use std::ops::Deref;

use super::ports;
use super::server::Server;

/// How often another port is tried when one was taken meanwhile.
const ATTEMPTS: usize = 5;

/// A server without replicas. Everything a [`Server`] can do, it can do.
#[derive(Debug)]
pub struct Standalone {
    server: Option<Server>,
    port: u16,
    arguments: Vec<String>,
}

impl Standalone {
    /// Starts an empty server.
    ///
    /// # Panics
    /// It does not start. The message ends with its log.
    pub async fn start() -> Self {
        Self::start_with(&[]).await
    }

    /// Starts an empty server with more arguments, like `--maxmemory 10mb`.
    ///
    /// # Panics
    /// It does not start. The message ends with its log.
    pub async fn start_with(arguments: &[&str]) -> Self {
        let arguments: Vec<String> = arguments.iter().map(|&argument| argument.to_owned()).collect();
        let mut failures = Vec::new();
        for _ in 0..ATTEMPTS {
            let [port] = ports::free();
            match Server::start(port, &arguments).await {
                Ok(server) => return Self { server: Some(server), port, arguments },
                Err(failure) => failures.push(failure),
            }
        }
        panic!("no server started: {}", failures.join("\n"))
    }

    /// Kills the server, if it still runs, and starts an empty one on the same port with the same arguments.
    ///
    /// # Panics
    /// It does not start. The message ends with its log.
    pub async fn restart(&mut self) {
        self.kill();
        let started = Server::start(self.port, &self.arguments).await;
        self.server = Some(started.unwrap_or_else(|failure| panic!("{failure}")));
    }

    /// Kills the server, as a power cut would. Only [`Standalone::restart`] makes it usable again.
    pub fn kill(&mut self) {
        self.server = None;
    }
}

/// # Panics
/// After [`Standalone::kill`].
impl Deref for Standalone {
    type Target = Server;

    fn deref(&self) -> &Server {
        self.server.as_ref().expect("a server that was killed is started again before it is used")
    }
}
