//! Free ports on loopback.

use std::collections::BTreeMap;
use std::env;
use std::fs::{self, File};
use std::hash::{BuildHasher, RandomState};
use std::net::{Ipv4Addr, TcpListener};
use std::sync::{Mutex, PoisonError};

/// A cluster node also listens on its port plus this, for the other nodes.
const BUS: u16 = 10_000;
/// These ports and their bus ports are below the ephemeral ports of clients (32768 and up on Linux).
const RANGE: std::ops::Range<u16> = 11_000..20_000;

/// The ports of this process, each with its locked file. A program takes a while until it listens: without the lock, another
/// test could get its port meanwhile, and would find the wrong program there.
static RESERVED: Mutex<BTreeMap<u16, File>> = Mutex::new(BTreeMap::new());

/// `N` free ports, with their bus ports. They are reserved until this process ends: no other process that uses this function
/// gets one of them.
///
/// # Panics
/// No port is free.
pub(crate) fn free<const N: usize>() -> [u16; N] {
    let mut reserved = RESERVED.lock().unwrap_or_else(PoisonError::into_inner);
    [(); N].map(|()| {
        let mut others = candidates().filter(|port| !reserved.contains_key(port));
        let found = others.find_map(|port| Some((port, reserve(port).filter(|_| is_free(port))?)));
        let (port, lock) = found.unwrap_or_else(|| panic!("no port in {RANGE:?} is free"));
        reserved.insert(port, lock);
        port
    })
}

/// The locked file of a port; `None` if another process has it. The system unlocks it when this process ends.
fn reserve(port: u16) -> Option<File> {
    let folder = env::temp_dir().join("token-tests-ports");
    fs::create_dir_all(&folder).ok()?;
    let file = File::options().create(true).append(true).open(folder.join(port.to_string())).ok()?;
    file.try_lock().is_ok().then_some(file)
}

/// Every port of the range once, starting with a random one, because other test processes look for ports, too.
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
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn no_port_is_handed_out_twice() {
        let ports: Vec<_> = (0..500).flat_map(|_| free::<2>()).collect();
        assert_eq!(BTreeSet::from_iter(&ports).len(), ports.len());
    }

    #[test]
    fn no_other_process_gets_a_port_that_is_reserved() {
        let [port] = free();
        // A lock belongs to the open file description: opening the file again behaves like another process.
        assert!(reserve(port).is_none());
    }
}
