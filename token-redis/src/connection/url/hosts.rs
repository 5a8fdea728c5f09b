//! Hosts and ports in store URLs.

use url::Url;

use super::decode;
use crate::connection::store_url::Address;

/// Splits a URL with several hosts, separated by commas, which no URL parser accepts: into the URL with the first host, and
/// the other hosts.
pub(super) fn first(text: &str) -> Option<(String, Vec<&str>)> {
    let (scheme, rest) = text.split_once("://")?;
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (authority, tail) = rest.split_at_checked(end)?;
    let (user, hosts) = authority.rsplit_once('@').map_or(("", authority), |(user, hosts)| (user, hosts));
    let mut hosts = hosts.split(',');
    let at = if user.is_empty() { String::new() } else { format!("{user}@") };
    let first = hosts.next()?;
    Some((format!("{scheme}://{at}{first}{tail}"), hosts.collect()))
}

/// Parses a `HOST[:PORT]` of the list.
pub(super) fn listed(text: &str, default_port: u16) -> Option<Address> {
    let url = Url::parse(&format!("redis-node://{text}")).ok()?;
    // One user for all nodes is given before the first host. Anything but a host here would be ignored, so it is refused.
    let alone = url.username().is_empty()
        && url.password().is_none()
        && matches!(url.path(), "" | "/")
        && url.query().is_none()
        && url.fragment().is_none();
    alone.then(|| of(&url, default_port))?
}

/// The host and the port of a URL.
pub(super) fn of(url: &Url, default_port: u16) -> Option<Address> {
    // An IPv6 address has brackets in a URL, and none anywhere else.
    let host = url.host_str()?.trim_start_matches('[').trim_end_matches(']');
    // An address to listen on is no address to connect to.
    let host = decode(host).filter(|host| !matches!(host.as_str(), "" | "0.0.0.0" | "::" | "*"))?;
    let port = url.port().unwrap_or(default_port);
    (port != 0).then_some(Address::Tcp(host, port))
}
