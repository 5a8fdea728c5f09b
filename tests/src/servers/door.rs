//! What others see of a server whose ways can be cut.
//!
//! The server listens elsewhere, and announces the door: clients, replicas, sentinels and the other nodes of a cluster
//! all come through it. Every server with a door speaks to others from a loopback address of its own, by which their
//! doors know it. So any two servers can be kept apart, as by a network, without their or their clients' knowing, and
//! without a privilege.

use std::io;
use std::net::Ipv4Addr;
use std::time::Duration;

use super::proxy::Proxy;

/// The bus port of a cluster node is its port plus this.
const BUS: u16 = 10_000;

/// The ways into a server.
#[derive(Debug)]
pub(super) struct Door {
    ways: [Proxy; 2],
    source: Ipv4Addr,
}

impl Door {
    /// Opens the ways from a port and its bus port to those that the server listens on.
    ///
    /// # Errors
    /// Somebody listens there already.
    pub(super) async fn open(port: u16, listens: u16) -> io::Result<Self> {
        let ways = [Proxy::between(port, listens).await?, Proxy::between(port + BUS, listens + BUS).await?];
        Ok(Self { ways, source: source(port) })
    }

    /// From now on neither hears the other. Connections stay open.
    pub(super) fn keep_apart(&self, other: &Self) {
        self.ways.iter().for_each(|way| way.keep_apart(other.source));
        other.ways.iter().for_each(|way| way.keep_apart(self.source));
    }

    /// They hear each other again, and what was said meanwhile.
    pub(super) fn reunite(&self, other: &Self) {
        self.ways.iter().for_each(|way| way.let_in(other.source));
        other.ways.iter().for_each(|way| way.let_in(self.source));
    }

    /// What the other one asks here takes so long, and so does the answer.
    pub(super) fn delay(&self, other: &Self, by: Duration) {
        self.ways.iter().for_each(|way| way.delay(other.source, by));
    }
}

/// The address that the server behind the door with this port speaks from.
pub(super) fn source(port: u16) -> Ipv4Addr {
    let [high, low] = port.to_be_bytes();
    Ipv4Addr::new(127, 1, high, low)
}
