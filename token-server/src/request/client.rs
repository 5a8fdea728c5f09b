//! Whose request it is: the address of the client, also behind trusted proxies.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::str::FromStr;

use http::HeaderMap;
use ipnet::IpNet;

/// The header in which proxies report for whom they ask, each behind those before it.
pub(crate) const FORWARDED_FOR: &str = "x-forwarded-for";
/// How many proxies a request may have come through.
const MAX_HOPS: usize = 32;

/// The other end of a connection.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Peer {
    /// This address.
    Ip(IpAddr),
    /// A process of this machine, over a Unix socket.
    Unix,
    /// It is not known.
    #[default]
    Unknown,
}

/// An address, `unix`, or `unknown`.
impl fmt::Display for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ip(address) => address.fmt(f),
            Self::Unix => f.write_str("unix"),
            Self::Unknown => f.write_str("unknown"),
        }
    }
}

impl From<SocketAddr> for Peer {
    fn from(address: SocketAddr) -> Self {
        Self::Ip(address.ip().to_canonical())
    }
}

/// Proxies whose `X-Forwarded-For` is believed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TrustedProxy {
    /// All that connect from this network.
    Network(IpNet),
    /// All that connect over a Unix socket.
    Unix,
}

/// A text that names no network.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TrustedProxyError {
    /// It is neither a network nor an address.
    #[error("write a network such as 10.0.0.0/8 or fd00::/8, an address, or \"unix\"")]
    Form,
    /// Its address is not the first one of a network of that size.
    #[error("the address has bits behind the length of the network; write {0}")]
    HostBits(IpNet),
}

impl FromStr for TrustedProxy {
    type Err = TrustedProxyError;

    fn from_str(text: &str) -> Result<Self, TrustedProxyError> {
        if text == "unix" {
            return Ok(Self::Unix);
        }
        let one = |address: IpAddr| IpNet::from(address);
        let network = text.parse::<IpNet>().or_else(|_| text.parse().map(one));
        let network = canonical(network.map_err(|_| TrustedProxyError::Form)?);
        match network.trunc() {
            whole if whole == network => Ok(Self::Network(network)),
            whole => Err(TrustedProxyError::HostBits(whole)),
        }
    }
}

/// A network of IPv4 that is written as one of IPv6 (`::ffff:10.0.0.0/104`), as peers are compared with it: as IPv4.
fn canonical(network: IpNet) -> IpNet {
    let IpNet::V6(six) = network else { return network };
    let mapped = six.addr().to_ipv4_mapped().zip(six.prefix_len().checked_sub(96));
    mapped.and_then(|(four, length)| IpNet::new(four.into(), length).ok()).unwrap_or(network)
}

impl fmt::Display for TrustedProxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Network(network) => network.fmt(f),
            Self::Unix => f.write_str("unix"),
        }
    }
}

/// The client of a request: the last one in the chain that no trusted proxy is. What stands before it, it made up.
pub(crate) fn client(trusted: &[TrustedProxy], peer: Peer, headers: &HeaderMap) -> Peer {
    let mut client = peer;
    if !is_trusted(trusted, client) {
        return client;
    }
    let values = headers.get_all(FORWARDED_FOR).iter().rev();
    let hops = values.flat_map(|value| value.to_str().unwrap_or_default().rsplit(','));
    for hop in hops.take(MAX_HOPS) {
        // What is no address was not written by a proxy that does its work.
        let Some(address) = address(hop.trim()) else { return client };
        client = Peer::Ip(address);
        if !is_trusted(trusted, client) {
            return client;
        }
    }
    client
}

fn is_trusted(trusted: &[TrustedProxy], peer: Peer) -> bool {
    trusted.iter().any(|proxy| match (proxy, peer) {
        (TrustedProxy::Network(network), Peer::Ip(address)) => network.contains(&address),
        (TrustedProxy::Unix, Peer::Unix) => true,
        _ => false,
    })
}

/// Some proxies add the port, and brackets around IPv6.
fn address(hop: &str) -> Option<IpAddr> {
    let bare = || hop.parse::<IpAddr>().ok();
    let with_port = || hop.parse::<SocketAddr>().ok().map(|address| address.ip());
    let in_brackets = || hop.strip_prefix('[')?.strip_suffix(']')?.parse::<IpAddr>().ok();
    bare().or_else(with_port).or_else(in_brackets).map(|address| address.to_canonical())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn client_of(trusted: &[&str], peer: &str, forwarded: &[&[u8]]) -> String {
        let trusted: Vec<_> = trusted.iter().map(|network| network.parse().unwrap()).collect();
        let peer = match peer {
            "unix" => Peer::Unix,
            address => SocketAddr::new(address.parse().unwrap(), 1).into(),
        };
        let mut headers = HeaderMap::new();
        for value in forwarded {
            headers.append(FORWARDED_FOR, http::HeaderValue::from_bytes(value).unwrap());
        }
        client(&trusted, peer, &headers).to_string()
    }

    #[test]
    fn forwarded_headers_of_an_untrusted_peer_are_ignored() {
        for peer in ["203.0.113.9", "2001:db8::9", "unix", "127.0.0.1"] {
            assert_eq!(client_of(&[], peer, &[b"198.51.100.7"]), peer);
            assert_eq!(client_of(&["10.0.0.0/8"], peer, &[b"198.51.100.7"]), peer);
        }
    }

    #[test]
    fn a_trusted_proxy_reports_its_client() {
        for (trusted, peer) in [
            ("10.0.0.0/8", "10.1.2.3"),
            ("10.1.2.3", "10.1.2.3"),
            ("10.1.2.3", "::ffff:10.1.2.3"),
            ("fd00::/8", "fd00::1"),
            ("0.0.0.0/0", "10.1.2.3"),
            ("::ffff:10.0.0.0/104", "10.1.2.3"),
            ("::ffff:10.1.2.3", "10.1.2.3"),
            ("::ffff:0:0/96", "10.1.2.3"),
            ("unix", "unix"),
        ] {
            assert_eq!(client_of(&[trusted], peer, &[b"198.51.100.7"]), "198.51.100.7", "{trusted}");
        }
    }

    #[test]
    fn the_last_one_that_is_not_trusted_is_the_client() {
        let proxies = ["10.0.0.0/8", "192.168.0.1"];
        for (forwarded, client) in [
            (&[b"1.1.1.1, 198.51.100.7".as_slice()] as &[&[u8]], "198.51.100.7"),
            (&[b"198.51.100.7, 10.9.9.9, 192.168.0.1"], "198.51.100.7"),
            (&[b"1.1.1.1", b"198.51.100.7,10.9.9.9"], "198.51.100.7"),
            (&[b"10.0.0.1, 10.0.0.2"], "10.0.0.1"),
            (&[b"198.51.100.7:4711"], "198.51.100.7"),
            (&[b"[2001:db8::7]:4711"], "2001:db8::7"),
            (&[b"[2001:db8::7]"], "2001:db8::7"),
            (&[b"::ffff:198.51.100.7"], "198.51.100.7"),
            (&[], "10.1.2.3"),
        ] {
            assert_eq!(client_of(&proxies, "10.1.2.3", forwarded), client, "{forwarded:?}");
        }
    }

    #[test]
    fn what_is_no_address_is_not_the_client() {
        for hostile in
            ["", "unknown", "1.2.3.4 client=5.6.7.8", "1.2.3.4\"", "_hidden", "1.2.3", "fe80::1%eth0", "::1]"]
        {
            let forwarded = format!("198.51.100.7, {hostile}");
            assert_eq!(
                client_of(&["10.0.0.0/8"], "10.1.2.3", &[forwarded.as_bytes()]),
                "10.1.2.3",
                "{hostile}"
            );
            let behind = format!("{hostile}, 10.9.9.9");
            assert_eq!(client_of(&["10.0.0.0/8"], "10.1.2.3", &[behind.as_bytes()]), "10.9.9.9", "{hostile}");
        }
        assert_eq!(client_of(&["10.0.0.0/8"], "10.1.2.3", &[b"198.51.100.7, \xff"]), "10.1.2.3");
    }

    #[test]
    fn a_chain_is_not_followed_for_ever() {
        let forwarded = format!("198.51.100.7{}", ", 10.0.0.1".repeat(1000));
        assert_eq!(client_of(&["10.0.0.0/8"], "10.1.2.3", &[forwarded.as_bytes()]), "10.0.0.1");
    }

    #[test]
    fn a_network_is_written_as_people_write_it() {
        for text in ["10.0.0.0/8", "fd00::/8", "unix", "10.1.2.3/32"] {
            assert_eq!(text.parse::<TrustedProxy>().unwrap().to_string(), text);
        }
        for text in ["", "localhost", "10.0.0.0/33", "10.0.0", "10.0.0.0/8,fd00::/8", "*", "unix:/run/x"] {
            assert_eq!(text.parse::<TrustedProxy>(), Err(TrustedProxyError::Form), "{text}");
        }
        for (text, whole) in
            [("10.1.2.3/8", "10.0.0.0/8"), ("fd00::1/8", "fd00::/8"), ("::ffff:10.1.2.3/104", "10.0.0.0/8")]
        {
            let refused = text.parse::<TrustedProxy>().unwrap_err().to_string();
            assert!(refused.ends_with(&format!("write {whole}")), "{text}: {refused}");
        }
    }

    proptest! {
        #[test]
        fn the_client_is_always_an_address(forwarded in proptest::collection::vec(32_u8..127, 0..80)) {
            let client = client_of(&["10.0.0.0/8"], "10.1.2.3", &[&forwarded]);
            prop_assert!(client.parse::<IpAddr>().is_ok(), "{}", client);
        }
    }
}
