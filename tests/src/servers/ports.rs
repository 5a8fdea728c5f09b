//! Ports that are free on loopback.

use std::hash::{BuildHasher, RandomState};
use std::net::{Ipv4Addr, TcpListener};

/// A cluster node also listens on its port plus this, for the other nodes.
const BUS: u16 = 10_000;
/// With their bus ports, these stay below what systems hand out to clients (32768 and up on Linux).
const RANGE: std::ops::Range<u16> = 11_000..20_000;

/// `N` different ports that were free just now, with their bus ports.
///
/// Another process may take one before the caller does: start the server, and on failure ask for other ports.
pub(crate) fn free<const N: usize>() -> [u16; N] {
    // All are held until the last one is found, so that none is found twice.
    let mut held = candidates().filter_map(|port| Some((port, [listen(port)?, listen(port + BUS)?])));
    let held = [(); N].map(|()| held.next().unwrap_or_else(|| panic!("no port in {RANGE:?} is free")));
    held.map(|(port, _)| port)
}

/// Every port of the range once, from a random one on, since other test processes look for ports too.
fn candidates() -> impl Iterator<Item = u16> {
    let size = RANGE.end - RANGE.start;
    let first = (RandomState::new().hash_one("first port") % u64::from(size)) as u16;
    (0..size).map(move |offset| RANGE.start + (first + offset) % size)
}

fn listen(port: u16) -> Option<TcpListener> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, port)).ok()
}
