//! Addresses to listen at, of which one takes the port of another.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::{Path, PathBuf};

use super::bind::{addresses, only_v6};
use crate::failure::Failure;
use crate::settings::address::Address;

/// Refuses an address that is there twice, for HTTP and gRPC together: the second one would find the port taken.
pub(crate) async fn expect_distinct(all: &[Address]) -> Result<(), Failure> {
    let mut before: Vec<(&Address, Vec<SocketAddr>)> = Vec::new();
    for address in all {
        let own = sockets(address, all).await;
        let same = before.iter().find(|(other, theirs)| is_same(other, address) || overlap(theirs, &own));
        if let Some((other, _)) = same {
            return Err(twice(address, other));
        }
        before.push((address, own));
    }
    Ok(())
}

fn twice(address: &Address, other: &Address) -> Failure {
    let is_file = matches!(address, Address::Unix(_));
    let (address, other) = (address.to_string(), other.to_string());
    let why = match address == other {
        true => String::new(),
        false if is_file => format!(", because {other} is the same socket file"),
        false => format!(", because {other} includes the same address and port"),
    };
    Failure::usage(format!(
        "the address {address} is there twice in --listen and --grpc (TOKEN_LISTEN, TOKEN_GRPC){why}: leave one out"
    ))
}

/// A socket file is the same with other rights.
fn is_same(one: &Address, other: &Address) -> bool {
    match (one, other) {
        (Address::Unix(one), Address::Unix(other)) => whole(&one.path) == whole(&other.path),
        (Address::Systemd(one), Address::Systemd(other)) => one == other,
        _ => false,
    }
}

fn whole(path: &Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned())
}

/// Where it would listen. A name that cannot be looked up is reported later.
async fn sockets(address: &Address, all: &[Address]) -> Vec<SocketAddr> {
    let everywhere =
        |port: u16| vec![(Ipv6Addr::UNSPECIFIED, port).into(), (Ipv4Addr::UNSPECIFIED, port).into()];
    match address {
        Address::Ip(ip) if ip.ip() == Ipv6Addr::UNSPECIFIED && only_v6(*ip, all).is_none() => {
            everywhere(ip.port())
        }
        Address::Ip(ip) => vec![*ip],
        Address::All(port) => everywhere(*port),
        Address::Name(name, port) => addresses(name, *port).await.unwrap_or_default(),
        Address::Unix(_) | Address::Systemd(_) => vec![],
    }
}

fn overlap(some: &[SocketAddr], others: &[SocketAddr]) -> bool {
    some.iter().any(|one| others.iter().any(|other| is_of_same_port(*one, *other)))
}

/// Port 0 is another port each time.
fn is_of_same_port(one: SocketAddr, other: SocketAddr) -> bool {
    let zone = |address| match address {
        SocketAddr::V6(six) => six.scope_id(),
        SocketAddr::V4(_) => 0,
    };
    let ([own, theirs], [here, there]) =
        ([one, other].map(|address| address.ip().to_canonical()), [one, other].map(zone));
    let is_covered = own.is_unspecified() || theirs.is_unspecified();
    one.port() != 0
        && one.port() == other.port()
        && own.is_ipv4() == theirs.is_ipv4()
        && (is_covered || own == theirs && here == there)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(all: &[&str]) -> Option<String> {
        let all: Vec<Address> = all.iter().map(|text| text.parse().unwrap()).collect();
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(expect_distinct(&all)).err().map(|failure| failure.line())
    }

    #[test]
    fn an_address_that_another_one_covers_is_there_twice() {
        for pair in [
            ["127.0.0.1:7723", "127.0.0.1:7723"],
            ["localhost:7723", "127.0.0.1:7723"],
            ["[::1]:7723", "7723"],
            [":7723", "127.0.0.1:7723"],
            ["0.0.0.0:7723", "127.0.0.1:7723"],
            ["[::]:7723", "127.0.0.1:7723"],
            ["[::1]:7723", "[::]:7723"],
            ["[::ffff:127.0.0.1]:7723", "127.0.0.1:7723"],
            [":7723", "0.0.0.0:7723"],
            ["unix:/t.sock", "unix:/t.sock?mode=0660"],
            ["systemd:a", "systemd:a"],
        ] {
            let said = refused(&pair).unwrap_or_default();
            assert!(said.contains("is there twice in --listen"), "{pair:?}: {said}");
        }
    }

    #[test]
    fn a_socket_file_that_is_there_twice_has_no_port() {
        let folder = std::env::current_dir().unwrap();
        let whole = format!("unix:{}/t.sock", folder.display());
        for pair in [["unix:/t.sock", "unix:/t.sock?mode=0660"], ["unix:t.sock", &whole]] {
            let said = refused(&pair).unwrap_or_default();
            assert!(said.contains("is the same socket file") && !said.contains("port"), "{pair:?}: {said}");
        }
    }

    #[test]
    fn other_addresses_are_distinct() {
        for all in [
            &["127.0.0.1:1", "[::1]:1", "127.0.0.1:2", "127.0.0.2:1"][..],
            &["0.0.0.0:1", "[::]:1"],
            &["0.0.0.0:1", "[::1]:1"],
            &["127.0.0.1:0", "127.0.0.1:0", ":0", "localhost:0"],
            &["[fe80::1%1]:1", "[fe80::1%2]:1"],
            &["systemd:a", "systemd:b", "unix:/a", "unix:/b"],
        ] {
            assert_eq!(refused(all), None, "{all:?}");
        }
    }
}
