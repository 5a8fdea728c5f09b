//! Sockets that connections come to.

use std::io::{self, ErrorKind};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};

use nix::errno::Errno;
use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::{TcpListener, UnixListener, lookup_host};

use super::passed::Passed;
use super::socket_file::SocketFile;
use super::wire::Wire;
use crate::failure::Failure;
use crate::settings::address::Address;

/// How many connections may wait to be accepted.
const BACKLOG: i32 = 1024;

/// A socket that connections come to.
pub(crate) enum Listener {
    Tcp(TcpListener),
    /// With its file, which goes with it; one that was passed on stays.
    Unix(UnixListener, Option<SocketFile>),
}

impl Listener {
    /// The next connection.
    pub(crate) async fn accept(&self) -> io::Result<Wire> {
        match self {
            Self::Tcp(listener) => listener.accept().await.map(|(connection, _)| Wire::Tcp(connection)),
            Self::Unix(listener, _) => listener.accept().await.map(|(connection, _)| Wire::Unix(connection)),
        }
    }

    /// Where it listens, for people.
    pub(crate) fn address(&self) -> String {
        match self {
            Self::Tcp(listener) => listener.local_addr().map(|address| address.to_string()),
            Self::Unix(_, Some(file)) => Ok(file.to_string()),
            Self::Unix(listener, None) => listener.local_addr().map(|address| {
                address.as_pathname().map_or("a socket".into(), |path| format!("unix:{}", path.display()))
            }),
        }
        .unwrap_or_else(|_| "a socket".into())
    }
}

/// Listens at all of these addresses, or at none; `all` are those of HTTP and gRPC.
pub(crate) async fn bind(
    addresses: &[Address],
    all: &[Address],
    passed: &mut Passed,
) -> Result<Vec<Listener>, Failure> {
    let mut listeners = Vec::new();
    for address in addresses {
        match address {
            Address::Ip(ip) => listeners.push(listen(*ip, only_v6(*ip, all)).map_err(cannot(address))?),
            Address::All(port) => listeners.push(everywhere(*port).map_err(cannot(address))?),
            Address::Name(name, port) => {
                listeners.extend(by_name(name, *port).await.map_err(cannot(address))?);
            }
            Address::Unix(socket) => {
                let (listener, file) = SocketFile::bind(socket)?;
                listeners.push(Listener::Unix(listener, Some(file)));
            }
            Address::Systemd(name) => listeners.extend(passed.take(name.as_deref())?),
        }
    }
    Ok(listeners)
}

/// An address that is taken, not there or not permitted takes another one, which is mended by typing.
fn cannot(address: &Address) -> impl FnOnce(io::Error) -> Failure {
    let what = format!("cannot listen on {address}");
    let zone = match address {
        Address::Ip(SocketAddr::V6(six)) => six.scope_id(),
        _ => 0,
    };
    move |source| match source.kind() {
        _ if zone != 0 && is_of_zone(&source) => Failure::usage(format!(
            "{what}: this machine has no interface {zone}; \"ip link\" lists their numbers"
        )),
        ErrorKind::AddrInUse => Failure::usage(format!(
            "{what}: another program listens there; end it, or choose another address"
        )),
        ErrorKind::AddrNotAvailable => {
            Failure::usage(format!("{what}: this machine does not have that address; choose another one"))
        }
        ErrorKind::PermissionDenied => Failure::usage(format!(
            "{what}: this user may not; choose a port from 1024 on, or have systemd pass the socket on"
        )),
        ErrorKind::NotFound => {
            Failure::usage(format!("{what}: {source}; check the name, or write an address"))
        }
        _ => Failure::System { what, source },
    }
}

/// Both kinds of addresses over one socket; on a machine without IPv6, the others.
fn everywhere(port: u16) -> io::Result<Listener> {
    match listen((Ipv6Addr::UNSPECIFIED, port).into(), Some(false)) {
        Err(error) if is_missing(&error) => listen((Ipv4Addr::UNSPECIFIED, port).into(), None),
        other => other,
    }
}

/// The zone of a link-local address is the number of no interface.
fn is_of_zone(error: &io::Error) -> bool {
    error.raw_os_error().is_some_and(|error| Errno::from_raw(error) == Errno::ENODEV)
}

/// `[::]` also stands for the addresses of IPv4, unless they are named beside it.
pub(crate) fn only_v6(address: SocketAddr, all: &[Address]) -> Option<bool> {
    let others = SocketAddr::from((Ipv4Addr::UNSPECIFIED, address.port()));
    (address.ip() == Ipv6Addr::UNSPECIFIED && all.contains(&Address::Ip(others))).then_some(true)
}

/// Every address of a name, at the same port. What this machine does not have, as IPv6, is left out unless it is all.
async fn by_name(name: &str, mut port: u16) -> io::Result<Vec<Listener>> {
    let mut listeners = Vec::new();
    let mut missing = io::Error::new(ErrorKind::NotFound, "the name has no address");
    for mut address in addresses(name, port).await? {
        address.set_port(port);
        match listen(address, None) {
            Ok(listener) => {
                if let (0, Listener::Tcp(listener)) = (port, &listener) {
                    port = listener.local_addr()?.port();
                }
                listeners.push(listener);
            }
            Err(error) if is_missing(&error) => {
                tracing::debug!(%address, %error, "not an address of this machine");
                missing = error;
            }
            Err(error) => return Err(error),
        }
    }
    if listeners.is_empty() { Err(missing) } else { Ok(listeners) }
}

/// The addresses of a name.
pub(crate) async fn addresses(name: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
    // Both, also if the file of hosts names only one (RFC 6761 §6.3).
    if name.eq_ignore_ascii_case("localhost") {
        return Ok(vec![(Ipv4Addr::LOCALHOST, port).into(), (Ipv6Addr::LOCALHOST, port).into()]);
    }
    let found = lookup_host((name, port)).await;
    let mut addresses: Vec<_> = found.map_err(|error| io::Error::new(ErrorKind::NotFound, error))?.collect();
    addresses.dedup();
    Ok(addresses)
}

/// This machine has no such address, or none of this kind.
fn is_missing(error: &io::Error) -> bool {
    let missing = [Errno::EADDRNOTAVAIL, Errno::EAFNOSUPPORT, Errno::EPROTONOSUPPORT];
    error.raw_os_error().is_some_and(|error| missing.contains(&Errno::from_raw(error)))
}

fn listen(address: SocketAddr, only_v6: Option<bool>) -> io::Result<Listener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    if let Some(only) = only_v6 {
        socket.set_only_v6(only)?;
    }
    // A port whose connections are just closing can be used again.
    socket.set_reuse_address(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    socket.set_nonblocking(true)?;
    TcpListener::from_std(socket.into()).map(Listener::Tcp)
}
