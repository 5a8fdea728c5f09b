//! Where to listen, as people write it: `localhost:8080`, `:8080`, `8080`, `[::1]:8080`, `unix:/run/token.sock`, `systemd`.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::str::FromStr;

use super::socket_path::SocketPath;

/// Where to listen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Address {
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
            return with_zone(address).map(Self::Ip);
        }
        host_and_port(text)
    }
}

/// A link-local address is one on each interface of a machine: it takes the number of one. No connection comes to an
/// address of a group.
fn with_zone(address: SocketAddr) -> Result<SocketAddr, String> {
    let ip = address.ip().to_canonical();
    if ip.is_multicast() || ip == IpAddr::V4(Ipv4Addr::BROADCAST) {
        let kind = if ip.is_multicast() { "multicast" } else { "broadcast" };
        return Err(format!(
            "{ip} is a {kind} address, to which no connection comes: write an address of this machine, or :{} for all of \
             them",
            address.port()
        ));
    }
    match address {
        SocketAddr::V6(six) if six.ip().is_unicast_link_local() && six.scope_id() == 0 => Err(format!(
            "a link-local address needs the number of its interface (ip link): write [{}%2]:{}, for example",
            six.ip(),
            six.port()
        )),
        other => Ok(other),
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
    if text.contains(',') {
        return Err(format!("separate addresses by semicolons, or repeat the flag; {FORMS}"));
    }
    if let Some(spelling) = in_lower_case(text) {
        return Err(format!("write it in lower case: {spelling}"));
    }
    match text.split_once("://") {
        Some((scheme, _)) if scheme.eq_ignore_ascii_case("fd") => {
            return Err(
                "a socket that is passed on is named systemd, or systemd:NAME for the one with this \
                        FileDescriptorName"
                    .into(),
            );
        }
        Some((_, rest)) => {
            return Err(format!("write an address instead of a URL: {}", rest.trim_end_matches('/')));
        }
        None => {}
    }
    if text.split('/').next().is_some_and(|before| before.contains(':')) && text.contains('/') {
        return Err(format!("an address has no path; {FORMS}"));
    }
    if text.contains('/') {
        return Err(format!("write a socket file as unix:{text}"));
    }
    if let Some((host, number)) = text.rsplit_once(':').filter(|_| text.parse::<IpAddr>().is_ok())
        && let (Ok(host), Ok(port)) = (host.parse::<IpAddr>(), port(number))
    {
        return Err(format!(
            "it is not clear where the address ends: write [{host}]:{port} or [{text}]:8080"
        ));
    }
    let without_port = text.parse::<IpAddr>().map(|ip| SocketAddr::new(ip, 8080).to_string());
    if let Ok(whole) = without_port {
        return Err(format!("the port is missing: write {whole}, for example"));
    }
    if text.starts_with('[') && text.contains('%') {
        return Err(
            "write the zone of an IPv6 address as the number of its interface: [fe80::1%2]:8080".into()
        );
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
        _ if is_number(host) => Err(format!(
            "write an IPv4 address as four decimal numbers, like 127.0.0.1:{port}: {host} is none"
        )),
        _ if is_name(host) => Ok(Address::Name(host.into(), port)),
        _ => Err(format!("there is no host of this form; {FORMS}")),
    }
}

/// The forms that begin with a word, for one that is not in lower case.
fn in_lower_case(text: &str) -> Option<String> {
    ["unix:", "systemd"].iter().find_map(|word| {
        let (begin, rest) = text.split_at_checked(word.len())?;
        (begin != *word && begin.eq_ignore_ascii_case(word)).then(|| format!("{word}{rest}"))
    })
}

const FORMS: &str = "write HOST:PORT, :PORT for all addresses, PORT for localhost, unix:PATH, or systemd for a socket it passes on";

fn port(text: &str) -> Result<u16, String> {
    let digits = Some(text).filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()));
    digits.and_then(|text| text.parse().ok()).ok_or_else(|| "the port is a number from 0 to 65535".into())
}

fn is_name(host: &str) -> bool {
    let of_a_name = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_');
    host.len() <= 253 && host.bytes().all(of_a_name) && host.bytes().any(|byte| byte.is_ascii_alphabetic())
}

/// Whether the host ends in a number, as no name does: look-ups read some of these as addresses (127.1, 0x7f.1).
fn is_number(host: &str) -> bool {
    let last = host.strip_suffix('.').unwrap_or(host).rsplit('.').next().unwrap_or_default();
    let hexadecimal = last.strip_prefix("0x").or_else(|| last.strip_prefix("0X"));
    let is_decimal = !last.is_empty() && last.bytes().all(|byte| byte.is_ascii_digit());
    is_decimal || hexadecimal.is_some_and(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit()))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_is_read_and_written_alike() {
        for (text, shown) in [
            ("127.0.0.1:8080", "127.0.0.1:8080"),
            ("[::1]:8080", "[::1]:8080"),
            ("[::]:0", "[::]:0"),
            ("[fe80::1%2]:8080", "[fe80::1%2]:8080"),
            ("localhost:8080", "localhost:8080"),
            ("my-host.example:443", "my-host.example:443"),
            ("7.host-1:443", "7.host-1:443"),
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
            ("a,b", "semicolons"),
            ("a:1,b:2", "semicolons"),
            ("127.0.0.1:1,[::1]:1", "semicolons"),
            ("224.0.0.1:80", "multicast"),
            ("[ff02::1]:80", "multicast"),
            ("[::ffff:224.0.0.1]:80", "multicast"),
            ("255.255.255.255:80", "broadcast"),
            ("127.1:80", "127.0.0.1:80"),
            ("0x7f.1:80", "127.0.0.1:80"),
            ("0x7f000001:80", "127.0.0.1:80"),
            ("0177.0.0.0x1:80", "127.0.0.1:80"),
            ("2130706433:80", "127.0.0.1:80"),
            ("127.0.0.1.:80", "127.0.0.1:80"),
            ("::1", "[::1]:8080"),
            ("[::1]", "[::1]:8080"),
            ("::1:8080", "[::1"),
            ("fe80::1:2:8080", "[fe80::1:2:8080]:8080"),
            ("http://localhost:8080/", "instead of a URL: localhost:8080"),
            ("127.0.0.1:8080/x", "no path"),
            ("UNIX:/run/token.sock", "unix:/run/token.sock"),
            ("Systemd:http", "systemd:http"),
            ("fd://3", "systemd:NAME"),
            ("fe80::1:8080", "[fe80::1]:8080 or [fe80::1:8080]:8080"),
            ("[fe80::1]:7723", "[fe80::1%2]:7723"),
            ("[fe80::1%eth0]:7723", "number of its interface"),
            ("unix:/t?mode=0660&mode=0600", "mode once"),
            ("unix:/t?owner=a&group=b&owner=a", "owner once"),
            ("localhost:+80", "from 0 to 65535"),
            ("/run/token.sock", "unix:/run/token.sock"),
            ("localhost:99999", "from 0 to 65535"),
            ("localhost:http", "from 0 to 65535"),
            ("70000", "from 0 to 65535"),
            ("localhost:", "from 0 to 65535"),
            ("300.1.2.3:80", "four decimal numbers"),
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
