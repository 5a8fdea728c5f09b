//! URLs without the passwords in them.

/// The parameters of a URL that are shown. Any other one may be a password, also one that is not known.
const SHOWN: [&str; 9] =
    ["node", "db", "database", "protocol", "sentinelServiceName", "user", "username", "ssl", "tls"];

/// What stands in the place of what is not shown.
const HIDDEN: &str = "…";

/// A URL with `…` in the place of each password, and without a fragment. If it is not clear what is a password, all that
/// may be one is hidden: behind the scheme, or altogether.
pub(super) fn without_password(url: &str) -> String {
    if url.starts_with("sqlite:") {
        return url.to_owned();
    }
    let (scheme, rest) = match url.split_once("://") {
        Some((scheme, rest)) if is_scheme(scheme) => (format!("{scheme}://"), rest),
        _ => (String::new(), url),
    };
    match shown(rest) {
        // Without a scheme, a host alone is an endpoint for traces.
        Some(shown) if !scheme.is_empty() || !rest.contains('@') => format!("{scheme}{shown}"),
        _ => format!("{scheme}{HIDDEN}"),
    }
}

/// What is behind the scheme; none if there is no host, or a user who has no password: that may be the password.
fn shown(rest: &str) -> Option<String> {
    // A password may hold every other character: it ends at the last @.
    let (login, rest) = match rest.rsplit_once('@') {
        Some((login, rest)) => (format!("{}:{HIDDEN}@", user(login)?), rest),
        None => (String::new(), rest),
    };
    let rest = rest.split('#').next().unwrap_or_default();
    let (place, query) = rest.split_once('?').map_or((rest, None), |(place, query)| (place, Some(query)));
    let hosts = place.split('/').next().unwrap_or_default();
    // A socket file has a path and no host.
    let is_file = hosts.is_empty() && place.starts_with('/');
    if !is_file && !hosts.split(',').all(is_host) {
        return None;
    }
    let query = query.map(|query| format!("?{}", query.split('&').map(hide).collect::<Vec<_>>().join("&")));
    Some(format!("{login}{place}{}", query.unwrap_or_default()))
}

/// The user before a password.
fn user(login: &str) -> Option<&str> {
    let (user, password) = login.split_once(':')?;
    (!password.is_empty() && !user.contains(['/', '?', '#', '@'])).then_some(user)
}

fn hide(parameter: &str) -> String {
    match parameter.split_once('=') {
        Some((name, _)) if SHOWN.contains(&name) => parameter.to_owned(),
        Some((name, _)) => format!("{name}={HIDDEN}"),
        None => HIDDEN.to_owned(),
    }
}

/// `HOST`, `HOST:PORT`, `[IPv6]` or `[IPv6]:PORT`.
fn is_host(text: &str) -> bool {
    let (host, port) = match text.strip_prefix('[').and_then(|text| text.split_once(']')) {
        Some((host, "")) => (host, None),
        Some((host, behind)) => (host, Some(behind.strip_prefix(':').unwrap_or("no port"))),
        None => text.split_once(':').map_or((text, None), |(host, port)| (host, Some(port))),
    };
    let is_of_host = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
    let is_six = text.starts_with('[') && host.parse::<std::net::Ipv6Addr>().is_ok();
    (is_six || !host.is_empty() && host.chars().all(is_of_host))
        && port.is_none_or(|port| port.parse::<u16>().is_ok())
}

fn is_scheme(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_store_is_shown_without_its_password() {
        for (url, shown) in [
            ("sqlite:/var/lib/tokens.db", "sqlite:/var/lib/tokens.db"),
            ("redis://cache:6379/1", "redis://cache:6379/1"),
            ("redis://[::1]:6379/1", "redis://[::1]:6379/1"),
            ("rediss://me:hidden@cache", "rediss://me:…@cache"),
            ("redis://:hidden@cache", "redis://:…@cache"),
            ("redis-cluster://me:hid@den@a:1?node=b:2", "redis-cluster://me:…@a:1?node=b:2"),
            ("redis+unix:///run/redis.sock?db=1&pass=hidden", "redis+unix:///run/redis.sock?db=1&pass=…"),
            ("redis://cache?auth=hidden&db=1", "redis://cache?auth=…&db=1"),
            (
                "redis-sentinel://a:1,b:2/0?sentinelServiceName=c&sentinelPassword=hidden",
                "redis-sentinel://a:1,b:2/0?sentinelServiceName=c&sentinelPassword=…",
            ),
            ("redis://cache?PASSWORD=hidden", "redis://cache?PASSWORD=…"),
            ("redis://cache?hidden", "redis://cache?…"),
            ("redis://me:hid/d?en#@cache:1/0", "redis://me:…@cache:1/0"),
            ("collector:4317", "collector:4317"),
            ("https://collector:4317/v1/traces", "https://collector:4317/v1/traces"),
        ] {
            assert_eq!(without_password(url), shown);
        }
    }

    #[test]
    fn what_may_be_a_password_is_hidden() {
        for (url, shown) in [
            ("redis://hidden@cache", "redis://…"),
            ("redis://hidden:@cache", "redis://…"),
            ("redis://me:hidden", "redis://…"),
            ("redis://me:hidden@", "redis://…"),
            ("redis://me:hidden/0", "redis://…"),
            ("redis://cache/0#hidden", "redis://cache/0"),
            ("redis://me:hidden@cache#hidden", "redis://me:…@cache"),
            ("redis://cache?db=hidden@1", "redis://…"),
            ("me:hidden@cache", "…"),
            ("redis:/me:hidden@cache", "…"),
            ("redis:hidden", "…"),
            ("hid den://cache", "…"),
        ] {
            assert_eq!(without_password(url), shown, "{url}");
        }
    }
}
