//! Where to listen, as people write it: `localhost:8080`, `:8080`, `8080`, `[::1]:8080`, `unix:/run/token.sock`, `systemd`.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::str::FromStr;

/// Where to listen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Address {
    /// An address of this machine.
    Ip(SocketAddr),
    /// All addresses of this machine, of both kinds.
    All(u16),
    /// Every address that this name has.
    Name(String, u16),
    /// A socket file.
    Unix(SocketPath),
    /// A socket that systemd passes on: the one of this name, or all that have no other use.
    Systemd(Option<String>),
}

/// A socket file, and who may connect to it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct SocketPath {
    /// Where it is.
    pub(crate) path: PathBuf,
    /// Its permissions; without them, what the umask leaves.
    pub(crate) mode: Option<u32>,
    /// Its owner, by name or number.
    pub(crate) owner: Option<String>,
    /// Its group, by name or number.
    pub(crate) group: Option<String>,
}

/// The name that a port alone stands for.
const LOOPBACK: &str = "localhost";

impl FromStr for Address {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let text = text.trim();
        if let Some(path) = text.strip_prefix("unix:") {
            return SocketPath::parse(path).map(Self::Unix);
        }
        if let Some(name) = text.strip_prefix("systemd") {
            return systemd(name);
        }
        if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
            return Ok(Self::Name(LOOPBACK.into(), port(text)?));
        }
        if let Ok(address) = text.parse() {
            return Ok(Self::Ip(address));
        }
        host_and_port(text)
    }
}

fn systemd(name: &str) -> Result<Address, String> {
    match name.strip_prefix(':') {
        None if name.is_empty() => Ok(Address::Systemd(None)),
        Some(name) if !name.is_empty() => Ok(Address::Systemd(Some(name.into()))),
        _ => Err(
            "write systemd for all sockets that systemd passes on, or systemd:NAME for the one with this \
                  FileDescriptorName"
                .into(),
        ),
    }
}

fn host_and_port(text: &str) -> Result<Address, String> {
    if text.is_empty() {
        return Err(format!("it is empty; {FORMS}"));
    }
    if let Some((_, rest)) = text.split_once("://") {
        return Err(format!("it is no URL: write {} alone", rest.trim_end_matches('/')));
    }
    if text.split('/').next().is_some_and(|before| before.contains(':')) && text.contains('/') {
        return Err(format!("an address has no path; {FORMS}"));
    }
    if text.contains('/') {
        return Err(format!("write a socket file as unix:{text}"));
    }
    let without_port = text.parse::<IpAddr>().map(|ip| SocketAddr::new(ip, 8080).to_string());
    if let Ok(whole) = without_port {
        return Err(format!("the port is missing: write {whole}, for example"));
    }
    if text.starts_with('[') {
        return Err("write an IPv6 address with its port as [::1]:8080".into());
    }
    let Some((host, number)) = text.rsplit_once(':') else {
        return Err(if is_name(text) {
            format!("the port is missing: write {text}:8080, for example")
        } else {
            format!("there is no host of this form; {FORMS}")
        });
    };
    if host.contains(':') {
        return Err("write an IPv6 address in brackets: [::1]:8080".into());
    }
    let port = port(number)?;
    match host {
        "" | "*" => Ok(Address::All(port)),
        _ if is_name(host) => Ok(Address::Name(host.into(), port)),
        _ => Err(format!("there is no host of this form; {FORMS}")),
    }
}

const FORMS: &str = "write HOST:PORT, :PORT for all addresses, PORT for localhost, unix:PATH, or systemd for a socket it passes on";

fn port(text: &str) -> Result<u16, String> {
    let digits = Some(text).filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()));
    digits.and_then(|text| text.parse().ok()).ok_or_else(|| "the port is a number from 0 to 65535".into())
}

fn is_name(host: &str) -> bool {
    // What has nothing but digits and dots was meant to be an address.
    let of_a_name = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_');
    host.len() <= 253 && host.bytes().all(of_a_name) && host.bytes().any(|byte| byte.is_ascii_alphabetic())
}

impl SocketPath {
    /// Reads `PATH?mode=0660&owner=NAME&group=NAME`.
    fn parse(text: &str) -> Result<Self, String> {
        // As a URL it has two slashes in front that are not the path's.
        let text = text.strip_prefix("//").filter(|path| path.starts_with('/')).unwrap_or(text);
        let (path, options) =
            text.split_once('?').map_or((text, None), |(path, options)| (path, Some(options)));
        if path.is_empty() || path.starts_with('@') || path.ends_with('/') {
            return Err("write the path of a socket file behind unix:, as in unix:/run/token.sock".into());
        }
        let mut socket = Self { path: path.into(), ..Self::default() };
        for option in options.into_iter().flat_map(|options| options.split('&')) {
            match option.split_once('=') {
                Some(("mode", mode)) => socket.mode = Some(permissions(mode)?),
                Some(("owner", name)) if !name.is_empty() => socket.owner = Some(name.into()),
                Some(("group", name)) if !name.is_empty() => socket.group = Some(name.into()),
                _ => {
                    return Err("a socket file has the options mode, owner and group: \
                                unix:PATH?mode=0660&owner=USER&group=GROUP"
                        .into());
                }
            }
        }
        Ok(socket)
    }
}

fn permissions(text: &str) -> Result<u32, String> {
    let mode = u32::from_str_radix(text, 8).ok().filter(|mode| *mode <= 0o777 && text.len() >= 3);
    mode.ok_or_else(|| "write the mode as three octal digits, like 0660".into())
}

/// As it can be read again.
impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ip(address) => address.fmt(f),
            Self::All(port) => write!(f, ":{port}"),
            Self::Name(name, port) => write!(f, "{name}:{port}"),
            Self::Unix(socket) => socket.fmt(f),
            Self::Systemd(None) => f.write_str("systemd"),
            Self::Systemd(Some(name)) => write!(f, "systemd:{name}"),
        }
    }
}

impl fmt::Display for SocketPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "unix:{}", self.path.display())?;
        let mode = self.mode.map(|mode| format!("mode={mode:04o}"));
        let owner = self.owner.as_ref().map(|name| format!("owner={name}"));
        let group = self.group.as_ref().map(|name| format!("group={name}"));
        let options: Vec<_> = mode.into_iter().chain(owner).chain(group).collect();
        if options.is_empty() { Ok(()) } else { write!(f, "?{}", options.join("&")) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_is_read_and_written_alike() {
        for (text, shown) in [
            ("127.0.0.1:8080", "127.0.0.1:8080"),
            ("[::1]:8080", "[::1]:8080"),
            ("[::]:0", "[::]:0"),
            ("localhost:8080", "localhost:8080"),
            ("my-host.example:443", "my-host.example:443"),
            ("8080", "localhost:8080"),
            (":8080", ":8080"),
            ("*:8080", ":8080"),
            (" :8080 ", ":8080"),
            ("unix:/run/token.sock", "unix:/run/token.sock"),
            ("unix:///run/token.sock", "unix:/run/token.sock"),
            ("unix:token.sock?mode=660", "unix:token.sock?mode=0660"),
            ("unix:/t?group=www-data&mode=0600&owner=7", "unix:/t?mode=0600&owner=7&group=www-data"),
            ("systemd", "systemd"),
            ("systemd:grpc", "systemd:grpc"),
        ] {
            let address: Address = text.parse().unwrap();
            assert_eq!(address.to_string(), shown, "{text}");
            assert_eq!(shown.parse(), Ok(address), "{text}");
        }
    }

    #[test]
    fn an_address_of_another_form_teaches_the_right_one() {
        for (text, taught) in [
            ("", "it is empty"),
            ("localhost", "localhost:8080"),
            ("127.0.0.1", "127.0.0.1:8080"),
            ("a, b", "HOST:PORT"),
            ("::1", "[::1]:8080"),
            ("[::1]", "[::1]:8080"),
            ("::1:8080", "[::1"),
            ("fe80::1:2:8080", "[fe80::1:2:8080]:8080"),
            ("http://localhost:8080/", "write localhost:8080"),
            ("127.0.0.1:8080/x", "no path"),
            ("UNIX:/run/token.sock", "unix:PATH"),
            ("localhost:+80", "from 0 to 65535"),
            ("/run/token.sock", "unix:/run/token.sock"),
            ("localhost:99999", "from 0 to 65535"),
            ("localhost:http", "from 0 to 65535"),
            ("70000", "from 0 to 65535"),
            ("localhost:", "from 0 to 65535"),
            ("300.1.2.3:80", "HOST:PORT"),
            ("a b:80", "HOST:PORT"),
            ("unix:", "unix:/run/token.sock"),
            ("unix:@abstract", "unix:/run/token.sock"),
            ("unix:/run/", "unix:/run/token.sock"),
            ("unix:/t?mode=99", "0660"),
            ("unix:/t?mode=1777", "0660"),
            ("unix:/t?user=x", "owner"),
            ("unix:/t?owner=", "owner"),
            ("systemd:", "systemd:NAME"),
            ("systemdx", "systemd:NAME"),
        ] {
            let error = text.parse::<Address>().unwrap_err();
            assert!(error.contains(taught), "{text}: {error}");
        }
    }
}
