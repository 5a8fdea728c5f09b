//! Connections of either kind, TCP or Unix: from here on they are bytes in and bytes out.

use std::io::{self, IoSlice};
use std::net;
use std::os::unix::net as unix;
use std::pin::Pin;
use std::task::{Context, Poll};

use crate::request::client::Peer;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpStream, UnixStream};

/// A connection on the runtime that answers it.
pub(crate) enum Wire {
    Tcp(TcpStream),
    Unix(UnixStream),
}

/// A connection on its way to the runtime that answers it.
pub(crate) enum Accepted {
    Tcp(net::TcpStream),
    Unix(unix::UnixStream),
}

impl Wire {
    /// Takes it from the runtime that accepted it.
    pub(crate) fn leave(self) -> io::Result<Accepted> {
        match self {
            Self::Tcp(connection) => connection.into_std().map(Accepted::Tcp),
            Self::Unix(connection) => connection.into_std().map(Accepted::Unix),
        }
    }

    /// The other end.
    pub(crate) fn peer(&self) -> Peer {
        match self {
            Self::Tcp(connection) => connection.peer_addr().map(Peer::from).unwrap_or_default(),
            Self::Unix(_) => Peer::Unix,
        }
    }

    /// Each answer is written in one piece, and must not wait for the client to have taken the one before.
    pub(crate) fn at_once(self) -> io::Result<Self> {
        if let Self::Tcp(connection) = &self {
            connection.set_nodelay(true)?;
        }
        Ok(self)
    }
}

impl Accepted {
    /// Brings it to this runtime.
    pub(crate) fn arrive(self) -> io::Result<Wire> {
        match self {
            Self::Tcp(connection) => TcpStream::from_std(connection).map(Wire::Tcp)?.at_once(),
            Self::Unix(connection) => UnixStream::from_std(connection).map(Wire::Unix),
        }
    }
}

impl AsyncRead for Wire {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Tcp(connection) => Pin::new(connection).poll_read(cx, buf),
            Self::Unix(connection) => Pin::new(connection).poll_read(cx, buf),
        }
    }
}

impl AsyncWrite for Wire {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Tcp(connection) => Pin::new(connection).poll_write(cx, buf),
            Self::Unix(connection) => Pin::new(connection).poll_write(cx, buf),
        }
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Tcp(connection) => Pin::new(connection).poll_write_vectored(cx, bufs),
            Self::Unix(connection) => Pin::new(connection).poll_write_vectored(cx, bufs),
        }
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        // What is written to a socket has left.
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Tcp(connection) => Pin::new(connection).poll_shutdown(cx),
            Self::Unix(connection) => Pin::new(connection).poll_shutdown(cx),
        }
    }
}
