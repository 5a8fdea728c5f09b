//! Ports that are free on loopback.

use std::collections::BTreeSet;
use std::hash::{BuildHasher, RandomState};
use std::net::{Ipv4Addr, TcpListener};
use std::sync::{Mutex, PoisonError};

/// A cluster node also listens on its port plus this, for the other nodes.
const BUS: u16 = 10_000;
/// With their bus ports, these stay below what systems hand out to clients (32768 and up on Linux).
const RANGE: std::ops::Range<u16> = 11_000..20_000;

/// What this process has handed out. A program takes a while until it listens: if its port were handed out once more
/// meanwhile, it would end, and whoever waits for it would find another test's program there.
static GIVEN: Mutex<BTreeSet<u16>> = Mutex::new(BTreeSet::new());

/// `N` ports that were free just now, with their bus ports, and that nobody here was given before.
///
/// Another process may take one before the caller does: start the server, and on failure ask for other ports.
pub(crate) fn free<const N: usize>() -> [u16; N] {
    let mut given = GIVEN.lock().unwrap_or_else(PoisonError::into_inner);
    [(); N].map(|()| {
        let mut free = candidates().filter(|port| !given.contains(port) && is_free(*port));
        let port = free.next().unwrap_or_else(|| panic!("no port in {RANGE:?} is free"));
        given.insert(port);
        port
    })
}

/// Every port of the range once, from a random one on, since other test processes look for ports too.
fn candidates() -> impl Iterator<Item = u16> {
    let size = RANGE.end - RANGE.start;
    let first = (RandomState::new().hash_one("first port") % u64::from(size)) as u16;
    (0..size).map(move |offset| RANGE.start + (first + offset) % size)
}

fn is_free(port: u16) -> bool {
    [port, port + BUS].iter().all(|&port| TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_port_is_handed_out_twice() {
        let ports: Vec<_> = (0..500).flat_map(|_| free::<2>()).collect();
        assert_eq!(BTreeSet::from_iter(&ports).len(), ports.len());
    }
}
