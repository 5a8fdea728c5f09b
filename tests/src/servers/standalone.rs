//! A single server.

use std::ops::Deref;
use std::sync::Arc;

use super::certificates::{Certificates, ClientCertificates};
use super::plan::Plan;
use super::roles::Roles;
use super::server::Server;

/// A server without replicas. It derefs to [`Server`].
#[derive(Debug)]
pub struct Standalone {
    server: Option<Server>,
    port: u16,
    plan: Plan,
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
        Self::start_as(Plan::new(arguments)).await
    }

    /// Starts an empty server that uses only TLS, with new [`Server::certificates`].
    ///
    /// # Panics
    /// It does not start. The message ends with its log.
    pub async fn start_tls(clients: ClientCertificates) -> Self {
        Self::start_as(Plan::new(&[]).with_tls(Arc::new(Certificates::make()), clients)).await
    }

    /// Starts an empty server that accepts only the users of [`Roles`].
    ///
    /// # Panics
    /// It does not start. The message ends with its log.
    pub async fn start_with_roles() -> Self {
        Self::start_with_roles_and(&[]).await
    }

    /// The same with more arguments.
    ///
    /// # Panics
    /// It does not start. The message ends with its log.
    pub async fn start_with_roles_and(arguments: &[&str]) -> Self {
        Self::start_as(Plan::new(arguments).with_roles(Arc::new(Roles::gather()))).await
    }

    async fn start_as(plan: Plan) -> Self {
        let server = Server::start_anywhere(&plan).await.unwrap_or_else(|failure| panic!("{failure}"));
        Self { port: server.port(), server: Some(server), plan }
    }

    /// Kills the server, if it still runs, and starts an empty one on the same port with the same arguments.
    ///
    /// # Panics
    /// It does not start. The message ends with its log.
    pub async fn restart(&mut self) {
        self.kill();
        let started = Server::start(self.port, &self.plan).await;
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
