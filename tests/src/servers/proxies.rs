//! A proxy in front of a server, which can cut the server off from other servers.
//!
//! The server listens on other ports and announces those of this proxy: clients, replicas, Sentinels and the other nodes of
//! a cluster all connect through it. Every such server connects to others from its own loopback address, by which their
//! proxies identify it. So a test can partition any two servers as a network would, unnoticed by clients and without
//! privileges.

use std::io;
use std::net::Ipv4Addr;
use std::time::Duration;

use super::proxy::Proxy;

/// The bus port of a cluster node is its port plus this.
const BUS: u16 = 10_000;

/// The proxies of a server, for its port and its bus port.
#[derive(Debug)]
pub(super) struct Proxies {
    ways: [Proxy; 2],
    source: Ipv4Addr,
}

impl Proxies {
    /// Listens on a port and its bus port, and forwards to those of the server.
    ///
    /// # Errors
    /// Another program listens there.
    pub(super) async fn open(port: u16, listens: u16) -> io::Result<Self> {
        let ways = [Proxy::between(port, listens).await?, Proxy::between(port + BUS, listens + BUS).await?];
        Ok(Self { ways, source: source(port) })
    }

    /// Stops all traffic between the two servers. Connections stay open.
    pub(super) fn keep_apart(&self, other: &Self) {
        self.ways.iter().for_each(|way| way.keep_apart(other.source));
        other.ways.iter().for_each(|way| way.keep_apart(self.source));
    }

    /// Resumes the traffic, and delivers what was sent meanwhile.
    pub(super) fn reunite(&self, other: &Self) {
        self.ways.iter().for_each(|way| way.let_in(other.source));
        other.ways.iter().for_each(|way| way.let_in(self.source));
    }

    /// Delays requests of the other server, and the replies, by this time.
    pub(super) fn delay(&self, other: &Self, by: Duration) {
        self.ways.iter().for_each(|way| way.delay(other.source, by));
    }
}

/// The address from which the server behind the proxy with this port connects to others.
pub(super) fn source(port: u16) -> Ipv4Addr {
    let [high, low] = port.to_be_bytes();
    Ipv4Addr::new(127, 1, high, low)
}
