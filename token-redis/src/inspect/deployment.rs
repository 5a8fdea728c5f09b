//! The servers of a store, as its URL names them.

use std::time::Duration;

use token_core::StoreError;

use super::error::InspectError;
use super::session::Session;
use crate::connection::{Address, StoreUrl, TopologyKind, open, peer};
use crate::options::Options;

/// The servers of a store, as its URL names them. Its `Debug` form has no user and no password.
#[derive(Debug, Clone)]
pub struct Deployment {
    url: StoreUrl,
    limit: Duration,
}

impl Deployment {
    /// Reads a store URL and prepares TLS. Connects to no server.
    ///
    /// Connecting, and each answer, may take [`Options::deadline`].
    ///
    /// # Errors
    /// The URL is of another form, or the certificates cannot be used.
    pub fn new(url: &str, options: &Options) -> Result<Self, StoreError> {
        let url = StoreUrl::parse(url, Some(options.tls.certificates()))?;
        if url.certificates().is_some() {
            options.tls.prepare()?;
        }
        Ok(Self { url, limit: options.deadline })
    }

    /// How the servers belong together.
    #[must_use]
    pub fn topology(&self) -> &TopologyKind {
        &self.url.kind
    }

    /// The servers that the URL names: the server, Sentinels, or nodes of a cluster.
    #[must_use]
    pub fn named(&self) -> &[Address] {
        &self.url.named
    }

    /// Whether the URL asks for TLS.
    #[must_use]
    pub fn is_encrypted(&self) -> bool {
        self.url.certificates().is_some()
    }

    /// The user that the URL names.
    #[must_use]
    pub fn user(&self) -> Option<&str> {
        self.url.user()
    }

    /// Connects to a server that keeps tokens, with the user and the password of the URL.
    ///
    /// # Errors
    /// The server cannot be reached, or refuses the user.
    pub async fn connect(&self, address: &Address) -> Result<Session, InspectError> {
        self.session(self.url.server(address)).await
    }

    /// Connects to a Sentinel, without user and password.
    ///
    /// # Errors
    /// The Sentinel cannot be reached.
    pub async fn connect_to_sentinel(&self, address: &Address) -> Result<Session, InspectError> {
        self.session(self.url.sentinel_server(address)).await
    }

    /// What listens at an address to which no connection could be made, as it follows the name of the server: another
    /// protocol, or Redis with TLS where the URL has none. `None` if that tells nothing new.
    pub async fn identify(&self, address: &Address) -> Option<String> {
        peer::look_at(address, self.is_encrypted()).await.map(|(_, text)| text)
    }

    async fn session(
        &self,
        info: redis::RedisResult<redis::ConnectionInfo>,
    ) -> Result<Session, InspectError> {
        let tls = self.is_encrypted();
        let lost = |error| InspectError::lost(&error, tls);
        let connection = open(info.map_err(lost)?, self.limit).await.map_err(lost)?;
        Ok(Session::new(connection, tls))
    }
}
