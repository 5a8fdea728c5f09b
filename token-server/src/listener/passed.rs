//! Sockets that systemd passes on (`LISTEN_FDS`, see `sd_listen_fds(3)`).

use std::collections::BTreeSet;
use std::env;

use listenfd::ListenFd;
use socket2::SockRef;
use tokio::net::{TcpListener, UnixListener};

use super::bind::Listener;
use crate::failure::Failure;
use crate::settings::address::Address;

/// The sockets that were passed on, and their names.
pub(crate) struct Passed {
    sockets: ListenFd,
    names: Vec<String>,
    /// Names that are asked for: these sockets have a use of their own.
    asked: BTreeSet<String>,
}

impl Passed {
    /// Looks at the environment, if one of these addresses asks for it.
    pub(crate) fn on(addresses: &[Address]) -> Self {
        let asked = addresses.iter().filter_map(|address| match address {
            Address::Systemd(name) => name.clone(),
            _ => None,
        });
        let names = env::var("LISTEN_FDNAMES").unwrap_or_default();
        let is_asked = addresses.iter().any(|address| matches!(address, Address::Systemd(_)));
        Self {
            // It must be taken from the environment before there are threads that read that.
            sockets: if is_asked { ListenFd::from_env() } else { ListenFd::empty() },
            names: names.split(':').map(str::to_owned).collect(),
            asked: asked.collect(),
        }
    }

    /// Takes those of a name, or all whose name no address asks for.
    pub(crate) fn take(&mut self, name: Option<&str>) -> Result<Vec<Listener>, Failure> {
        let mut listeners = Vec::new();
        for number in 0..self.sockets.len() {
            let own = self.names.get(number).map_or("unknown", String::as_str);
            if name.map_or_else(|| !self.asked.contains(own), |name| name == own) {
                listeners.extend(self.take_one(number)?);
            }
        }
        if listeners.is_empty() {
            return Err(missing(name));
        }
        Ok(listeners)
    }

    fn take_one(&mut self, number: usize) -> Result<Option<Listener>, Failure> {
        if let Ok(taken) = self.sockets.take_tcp_listener(number) {
            let Some(socket) = taken else { return Ok(None) };
            check(SockRef::from(&socket))?;
            let listener = TcpListener::from_std(socket).map_err(Failure::system)?;
            return Ok(Some(Listener::Tcp(listener)));
        }
        let taken = self.sockets.take_unix_listener(number).map_err(|error| {
            Failure::usage(format!("systemd passes on a socket that cannot be listened on: {error}"))
        })?;
        let Some(socket) = taken else { return Ok(None) };
        check(SockRef::from(&socket))?;
        let listener = UnixListener::from_std(socket).map_err(Failure::system)?;
        Ok(Some(Listener::Unix(listener, None)))
    }
}

fn check(socket: SockRef<'_>) -> Result<(), Failure> {
    if !socket.is_listener().map_err(Failure::system)? {
        return Err(Failure::usage(
            "systemd passes on a connection, not a socket to listen on: write Accept=no in the .socket unit",
        ));
    }
    socket.set_nonblocking(true).map_err(Failure::system)
}

fn missing(name: Option<&str>) -> Failure {
    let which = name.map_or_else(String::new, |name| format!(" with FileDescriptorName={name}"));
    Failure::usage(format!(
        "systemd passes on no socket{which}: start the .socket unit, which starts this, and name the sockets \
         that are for HTTP and for gRPC apart"
    ))
}
