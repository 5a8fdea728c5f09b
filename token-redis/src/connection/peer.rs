//! Examines an address to which no store connection could be made, to name the true cause.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection, RootCertStore};
use token_core::StoreErrorKind::{self, Misconfigured};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::store_url::{Address, StoreUrl};
use crate::trouble::{self, ConnectPhase};

/// The limit for sending the probe, and for the reply.
const PATIENCE: Duration = Duration::from_millis(400);

/// A command for Redis that is also a complete request for an HTTP server.
const QUESTION: &[u8] = b"PING\r\n\r\n";

/// What the first server of the URL is, and what to do, as text that follows the store's name. `None` if this adds nothing.
pub(crate) async fn look(target: &StoreUrl) -> Option<(StoreErrorKind, String)> {
    look_at(target.named.first()?, target.certificates().is_some()).await
}

/// The same for one server.
pub(crate) async fn look_at(address: &Address, tls: bool) -> Option<(StoreErrorKind, String)> {
    let (host, port) = match address {
        Address::Tcp(host, port) => (host, port),
        Address::Unix(path) => return no_socket(path),
    };
    let answer = ask(host, *port, QUESTION).await?;
    match what(&answer) {
        // The reply itself says what is wrong: too many clients, protected mode.
        What::Redis if answer.starts_with(b"-") && !tls => complaint(&answer),
        What::Redis if tls => Some((Misconfigured, PLAIN.to_owned())),
        What::Redis => None,
        What::Http => Some((Misconfigured, HTTP.to_owned())),
        What::Tls if !tls => Some((Misconfigured, ENCRYPTED.to_owned())),
        What::Nothing if !tls && takes_tls(host, *port).await => Some((Misconfigured, ENCRYPTED.to_owned())),
        What::Other => Some((Misconfigured, OTHER.to_owned())),
        What::Tls | What::Nothing => None,
    }
}

/// A path that exists and is not a socket. The connection error already covers a missing path.
fn no_socket(path: &Path) -> Option<(StoreErrorKind, String)> {
    let there = std::fs::metadata(path).ok()?;
    let what = match (there.is_dir(), is_socket(&there)) {
        (true, _) => "a folder",
        (false, true) => return None,
        (false, false) => "a file that is no socket",
    };
    Some((
        Misconfigured,
        format!("is {what}; write the path of the server's socket (unixsocket in redis.conf)"),
    ))
}

#[cfg(unix)]
fn is_socket(there: &std::fs::Metadata) -> bool {
    std::os::unix::fs::FileTypeExt::is_socket(&there.file_type())
}

#[cfg(not(unix))]
fn is_socket(_: &std::fs::Metadata) -> bool {
    true
}

const PLAIN: &str =
    "does not speak TLS at this port; name its TLS port, or write redis in the URL instead of rediss";
const ENCRYPTED: &str = "takes nothing but TLS at this port; write rediss in the URL instead of redis";
const HTTP: &str = "is an HTTP server and no Redis; check host and port of the store URL";
const OTHER: &str = "answers in another protocol than that of Redis; check host and port of the store URL";

/// The kind of server that sent a reply.
#[derive(Debug, PartialEq, Eq)]
enum What {
    Redis,
    Http,
    Tls,
    Other,
    Nothing,
}

fn what(answer: &[u8]) -> What {
    match answer {
        [] => What::Nothing,
        // A TLS record: an alert or a handshake, of version 3.
        [0x15 | 0x16, 3, ..] => What::Tls,
        _ if answer.starts_with(b"HTTP/") || answer.starts_with(b"<") => What::Http,
        [b'+' | b'-', ..] => What::Redis,
        _ => What::Other,
    }
}

fn complaint(answer: &[u8]) -> Option<(StoreErrorKind, String)> {
    let error = redis::parse_redis_value(answer).ok()?.extract_error().err()?;
    // A server that demands a password answers so: this adds nothing.
    (error.code() != Some("NOAUTH")).then(|| trouble::of(&error, ConnectPhase::Connecting { tls: false }))
}

/// Whether the server answers the start of a TLS handshake. Nothing is verified, and no data is sent.
async fn takes_tls(host: &str, port: u16) -> bool {
    let Some(hello) = hello(host) else { return false };
    let answer = ask(host, port, &hello).await;
    answer.is_some_and(|answer| what(&answer) == What::Tls)
}

fn hello(host: &str) -> Option<Vec<u8>> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().ok()?;
    let config = config.with_root_certificates(RootCertStore::empty()).with_no_client_auth();
    let name = ServerName::try_from(host.to_owned()).ok()?;
    let mut hello = Vec::new();
    ClientConnection::new(Arc::new(config), name).ok()?.write_tls(&mut hello).ok()?;
    Some(hello)
}

/// The beginning of the reply; empty if there is none. `None` if the server cannot be reached.
async fn ask(host: &str, port: u16, question: &[u8]) -> Option<Vec<u8>> {
    let connecting = tokio::time::timeout(PATIENCE, TcpStream::connect((host, port)));
    let mut stream = connecting.await.ok()?.ok()?;
    // A server that closes the connection may have sent the reason before.
    let _ = stream.write_all(question).await;
    let mut answer = vec![0; 512];
    let read = tokio::time::timeout(PATIENCE, stream.read(&mut answer)).await;
    answer.truncate(read.map_or(0, |read| read.unwrap_or(0)));
    Some(answer)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_protocol_of_a_peer_is_read_from_its_answer() {
        for (answer, is) in [
            (&b"+PONG\r\n"[..], What::Redis),
            (b"-NOAUTH Authentication required.\r\n", What::Redis),
            (b"-ERR max number of clients reached\r\n", What::Redis),
            (b"HTTP/1.1 400 Bad Request\r\n", What::Http),
            (b"<html>", What::Http),
            (b"\x15\x03\x03\x00\x02\x02\x46", What::Tls),
            (b"\x16\x03\x03\x00\x7a", What::Tls),
            (b"SSH-2.0-OpenSSH_9.2\r\n", What::Other),
            (b"220 mail ESMTP\r\n", What::Other),
            (b"\x4a\x00\x00\x00\x0a8.0", What::Other),
            (b"ERROR\r\n", What::Other),
            (b"", What::Nothing),
        ] {
            assert_eq!(what(answer), is, "{}", answer.escape_ascii());
        }
    }

    #[test]
    fn the_beginning_of_a_handshake_is_one() {
        assert_eq!(what(&hello("localhost").unwrap()), What::Tls);
        assert_eq!(what(&hello("127.0.0.1").unwrap()), What::Tls);
    }
}
