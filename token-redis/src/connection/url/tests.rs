//! Tests of URLs that are accepted and refused.

use proptest::prelude::*;

use super::*;

pub(super) fn parse(text: &str) -> StoreUrl {
    StoreUrl::parse(text, None).unwrap()
}

fn tcp(host: &str, port: u16) -> Address {
    Address::Tcp(host.into(), port)
}

#[test]
fn a_cluster_url_names_all_its_nodes_and_one_user_for_them() {
    let url = "redis-cluster://u%40x:p%3A%2F@127.0.0.1:7000?node=127.0.0.1:7001&node=[::1]:7002&node=h";
    let target = parse(url);
    assert_eq!(
        target.named,
        [tcp("127.0.0.1", 7000), tcp("127.0.0.1", 7001), tcp("::1", 7002), tcp("h", 6379)]
    );
    for node in &target.named {
        let info = target.server(node).unwrap();
        assert_eq!(info.redis_settings().username(), Some("u@x"));
        assert_eq!(info.redis_settings().password(), Some("p:/"));
        assert!(info.tcp_settings().nodelay());
    }
}

#[test]
fn a_sentinel_url_names_sentinels_service_and_database() {
    let target = parse("redis-sentinel://me:pw@s1:26380,s2,[::1]:1/3?sentinelServiceName=tokens");
    assert_eq!(target.named, [tcp("s1", 26380), tcp("s2", 26379), tcp("::1", 1)]);
    assert!(matches!(&target.kind, TopologyKind::Sentinel { service } if service == "tokens"));
    let server = target.server(&tcp("primary", 6379)).unwrap();
    assert_eq!((server.redis_settings().db(), server.redis_settings().password()), (3, Some("pw")));
    let sentinel = target.sentinel_server(&target.named[0]).unwrap();
    assert_eq!((sentinel.redis_settings().db(), sentinel.redis_settings().password()), (0, None));
}

#[test]
fn only_the_scheme_requests_tls() {
    for (url, secure) in [
        ("redis://h", false),
        ("rediss://h", true),
        ("redis-cluster://h:1", false),
        ("rediss-cluster://h:1", true),
        ("rediss-sentinel://h/0?sentinelServiceName=x", true),
    ] {
        assert_eq!(parse(url).certificates().is_some(), secure, "{url}");
    }
}

#[test]
fn a_target_is_shown_without_user_and_password() {
    for (url, shown) in [
        ("redis://me:hidden@cache:6380/2", "redis://cache:6380"),
        ("rediss://me:hidden@cache", "rediss://cache:6379"),
        ("redis+unix:///run/redis.sock?pass=hidden", "redis+unix:///run/redis.sock"),
        ("redis-cluster://me:hidden@a:1?node=b:2", "redis-cluster://a:1,b:2"),
        ("redis-sentinel://me:hidden@a:1,[::1]:2/0?sentinelServiceName=t", "redis-sentinel://a:1,[::1]:2"),
    ] {
        let target = parse(url);
        assert_eq!(target.to_string(), shown);
        assert_eq!(format!("{target:?}"), format!("StoreUrl({shown})"));
    }
}

#[test]
fn a_wrong_url_is_refused_without_repeating_it() {
    for url in [
        "",
        "hidden",
        "http://hidden:6379",
        "redis://hidden:port",
        "redis-cluster://",
        "redis-cluster://hidden:1/2",
        "redis-cluster://hidden:1?nodes=b:1",
        "redis-cluster://hidden:1?node=",
        "redis-cluster://h:1?node=:hidden@h:2",
        "redis-sentinel://hidden/0",
        "redis-sentinel://hidden/x?sentinelServiceName=t",
        "redis-sentinel://hidden,/0?sentinelServiceName=t",
    ] {
        let error = StoreUrl::parse(url, None).unwrap_err();
        assert_eq!(error.kind(), StoreErrorKind::Misconfigured, "{url}");
        assert!(!error.to_string().contains("hidden"), "{error}");
    }
}

/// Each scheme in the form of another client.
#[test]
fn the_schemes_of_other_clients_mean_the_same() {
    for (other, ours) in [
        ("valkey://h", "redis://h:6379"),
        ("valkeys://h", "rediss://h:6379"),
        ("redis+tls://h", "rediss://h:6379"),
        ("redis+ssl://h", "rediss://h:6379"),
        ("REDISS://h", "rediss://h:6379"),
        ("unix:///run/s", "redis+unix:///run/s"),
        ("redis-socket:///run/s?database=0", "redis+unix:///run/s"),
        ("redis+socket:///run/s", "redis+unix:///run/s"),
        ("valkey+unix:/run/s", "redis+unix:///run/s"),
        ("redis+cluster://a:1,b:2", "redis-cluster://a:1,b:2"),
        ("valkeys-cluster://a:1?node=b:2", "rediss-cluster://a:1,b:2"),
        ("rediss+sentinel://a/?sentinelServiceName=t", "rediss-sentinel://a:26379"),
    ] {
        let target = parse(other);
        assert_eq!(target.to_string(), ours);
        assert_eq!(target.certificates().is_some(), ours.starts_with("rediss"), "{other}");
    }
}

#[test]
fn a_database_is_named_in_the_path_or_as_a_parameter() {
    for (url, database) in [
        ("redis://h/3", 3),
        ("redis://h?db=3", 3),
        ("redis://h/?db=3", 3),
        ("redis://h/3?db=3", 3),
        ("rediss://h?database=3&protocol=resp3", 3),
        ("redis+unix:///s?db=3", 3),
        ("redis-sentinel://h/3?sentinelServiceName=t", 3),
        ("redis-sentinel://h?sentinelServiceName=t&db=3", 3),
        ("redis-cluster://h/0?db=0", 0),
        ("redis://h", 0),
    ] {
        let target = parse(url);
        let info = target.server(&target.named[0]).unwrap();
        assert_eq!(info.redis_settings().db(), database, "{url}");
    }
    for url in [
        "redis://h/3?db=4",
        "redis://h?db=3&database=3",
        "redis://h/-1",
        "redis://h/+1",
        "redis://h/0/1",
        "redis://h/x",
        "redis://h?db=",
        "redis+unix:///s?db=x",
        "redis-cluster://h?db=1",
        "redis-cluster://h/1",
    ] {
        refused(url, &["database", "twice"]);
    }
}

#[test]
fn a_refused_url_is_taught_in_its_own_scheme() {
    for (url, taught) in [
        ("redis://h/-1", "no whole number from 0: write redis://HOST:PORT/0"),
        ("rediss://h/x", "write rediss://HOST:PORT/0"),
        (
            "redis-sentinel://h/tokens?sentinelServiceName=t",
            "redis-sentinel://HOST:PORT/0?sentinelServiceName=NAME",
        ),
        ("rediss-sentinel://h?sentinelServiceName=t&db=x", "rediss-sentinel://HOST:PORT/0?"),
        ("redis+unix:///s?db=x", "redis+unix:///PATH?db=0"),
        ("redis-cluster://h?db=x", "write redis-cluster://HOST:PORT"),
        ("rediss-cluster://h:0", "write rediss-cluster://[USER:PASSWORD@]"),
        ("rediss://me@h", "write rediss://[USER:PASSWORD@]"),
        ("redis-sentinel://me@h/0?sentinelServiceName=t", "write redis-sentinel://[USER:PASSWORD@]"),
        ("redis-cluster://h?password=hidden", "write redis-cluster://USER:PASSWORD@HOST"),
        ("redis-sentinel://h/0?sentinelServiceName=t&ssl=true", "write rediss-sentinel://, "),
        ("redis+unix:///s?ssl=true", "takes no TLS"),
    ] {
        refused(url, &[taught]);
    }
}

#[test]
fn a_socket_has_its_user_in_parameters() {
    let target = parse("redis+unix:///run/r.sock?user=me&pass=p%3Aw");
    let info = target.server(&target.named[0]).unwrap();
    assert_eq!(info.redis_settings().username(), Some("me"));
    assert_eq!(info.redis_settings().password(), Some("p:w"));
    refused("redis+unix://run/r.sock", &["redis+unix:///PATH"]);
    refused("unix://me:hidden@/run/r.sock", &["&user=USER"]);
}

#[test]
fn a_user_without_a_password_is_refused() {
    for url in [
        "redis://me@h",
        "redis://me:@h",
        "rediss://me@h/1",
        "redis-cluster://me@h?node=i",
        "redis-sentinel://me@h/0?sentinelServiceName=m",
    ] {
        refused(url, &["USER:PASSWORD"]);
    }
    refused("redis+unix:///run/r.sock?user=me", &["pass=PASSWORD"]);
}

#[test]
fn certificates_for_a_scheme_without_tls_are_refused() {
    let given = || TlsCertificates { client_tls: None, root_cert: Some(b"pem".to_vec()) };
    for (url, written) in [
        ("redis://h", "rediss://"),
        ("redis-cluster://h:1?node=i:2", "rediss-cluster://"),
        ("redis-sentinel://h/0?sentinelServiceName=m", "rediss-sentinel://"),
    ] {
        let said = StoreUrl::parse(url, Some(given())).unwrap_err().to_string();
        assert!(said.contains(&format!("write {written} for TLS")), "{url}: {said}");
        let none = TlsCertificates { client_tls: None, root_cert: None };
        assert!(StoreUrl::parse(url, Some(none)).is_ok(), "{url}");
    }
    for url in ["rediss://h", "redis+unix:///run/r.sock"] {
        assert!(StoreUrl::parse(url, Some(given())).is_ok(), "{url}");
    }
}

#[test]
fn a_scheme_for_files_that_is_not_ours_is_named_as_unknown() {
    for url in ["file:/t.db", "file:t.db", "sqlite3:/t.db", "SQLite3:t.db", "sqlite3:///t.db"] {
        refused(url, &["its scheme is none of"]);
    }
    for url in ["localhost:6379", "h", "/t.db"] {
        refused(url, &["it has no scheme"]);
    }
}

pub(super) fn refused(url: &str, words: &[&str]) {
    let error = StoreUrl::parse(url, None).expect_err(url);
    assert_eq!(error.kind(), StoreErrorKind::Misconfigured, "{url}");
    let said = format!("{error} {:?}", std::error::Error::source(&error).map(ToString::to_string));
    assert!(words.iter().any(|word| said.contains(word)), "{url}: {said}");
    assert!(!said.contains("hidden"), "{url}: {said}");
}

const HEADS: [(&str, &str); 8] = [
    ("redis://h", "?"),
    ("rediss://h", "?"),
    ("redis+unix:///s", "?"),
    ("valkey://h/0", "?"),
    ("redis-cluster://h:1", "?node=i:2&"),
    ("rediss-cluster://h:1", "?"),
    ("redis-sentinel://h/0", "?sentinelServiceName=t&"),
    ("rediss-sentinel://h/0", "?sentinelServiceName=t&"),
];

#[test]
fn every_scheme_refuses_and_names_an_unknown_parameter() {
    for (head, query) in HEADS {
        for name in ["timeout", "socket_timeout", "DB", "max_connections", "client_name", "nodes", "protocl"]
        {
            refused(&format!("{head}{query}{name}=1"), &[name]);
            refused(&format!("{head}{query}{name}"), &[name]);
        }
        refused(&format!("{head}{query}x@y=hidden"), &["a parameter that is unknown"]);
        refused(&format!("{head}{query}protocol=resp2"), &["RESP3"]);
        refused(&format!("{head}{query}protocol=resp3#insecure"), &["always verified"]);
        refused(&format!("{head}{query}protocol=resp3#x"), &["%23"]);
        parse(&format!("{head}{query}protocol=resp3"));
        parse(&format!("{head}{query}protocol=3"));
    }
    for url in ["redis://h?password=hidden", "redis-cluster://h?username=hidden", "redis://h?auth=hidden"] {
        refused(url, &["in front of the host"]);
    }
}

/// If a URL requires TLS in any form, it is used, or the URL is refused.
#[test]
fn a_url_that_requires_tls_is_never_plain_text() {
    let asks = [
        "ssl=true",
        "tls=true",
        "ssl=1",
        "tls=TRUE",
        "tls=yes",
        "ssl=on",
        "ssl",
        "ssl=required",
        "ssl=maybe",
        "ssl_cert_reqs=required",
        "ssl_cert_reqs=none",
        "ssl_ca_certs=/ca",
        "sslmode=require",
        "tls_ca=/ca",
        "ssl_check_hostname=false",
        "verify=none",
        "insecure=true",
        "skip_verify=1",
        "cacert=/x",
        "SSL=true",
    ];
    for (head, query) in HEADS {
        for ask in asks {
            let url = format!("{head}{query}{ask}");
            match StoreUrl::parse(&url, None) {
                Ok(target) => assert!(target.certificates().is_some(), "{url}"),
                Err(error) => assert_eq!(error.kind(), StoreErrorKind::Misconfigured, "{url}"),
            }
        }
    }
    parse("rediss://h?ssl=true&ssl_cert_reqs=required");
    parse("redis://h?ssl=false");
    refused("redis://h?ssl=true", &["write rediss://"]);
    refused("redis-cluster://h?tls=true", &["rediss-cluster://"]);
    refused("rediss://h?tls=false", &["leave one of the two out"]);
    refused("rediss://h?ssl_cert_reqs=none", &["always verified"]);
    refused("rediss://h/#insecure", &["always verified"]);
    refused("rediss+unix:///s", &["takes no TLS"]);
    refused("tls://h:6379", &["rediss://"]);
}

#[test]
fn the_error_for_another_text_shows_a_correct_url() {
    for (url, word) in [
        ("localhost:6379", "redis://HOST:PORT"),
        ("/var/lib/tokens.db", "sqlite:PATH"),
        ("tcp://h:6379", "redis://HOST:PORT"),
        ("redis://0.0.0.0:6379", "HOST"),
        ("redis://h:0", "HOST"),
        ("redis://a:1,b:2", "HOST"),
        ("redis://:hidden/x@h", "%2F"),
        ("redis://u:12?hidden@h", "%3F"),
        ("redis-sentinel://h/0", "sentinelServiceName=NAME"),
        ("redis-sentinel://h?sentinelServiceName=a&sentinelServiceName=b", "twice"),
        ("redis-cluster://h?node=i:1/2", "node=HOST:PORT"),
        ("redis-cluster://h?node=i:1?x", "node=HOST:PORT"),
    ] {
        refused(url, &[word]);
    }
}

/// Whether the text is part of the name of a parameter, in a query that can be no part of a password.
fn is_in_a_name(url: &str, text: &str) -> bool {
    let (before, _) = url.split_once(text).unwrap();
    let has_at = url.split_once('?').is_some_and(|(_, query)| query.contains('@'));
    let begins = before.rfind(['?', '&']);
    !has_at && before.contains('?') && begins.is_some_and(|at| !before[at..].contains(['=', '#']))
}

proptest! {
    #[test]
    fn no_text_breaks_the_parser(text in ".{0,80}") {
        let _ = StoreUrl::parse(&text, None);
    }

    #[test]
    fn a_password_is_in_no_error_wherever_it_stands(
        scheme in "(redis|rediss|redis\\+unix|redis-cluster|redis-sentinel|http|x)",
        before in "[a-z0-9:/?#@&=%,\\[\\]]{0,12}",
        after in "[a-z0-9:/?#@&=%,\\[\\]]{0,20}",
    ) {
        let secret = "Hidden_Secret";
        let url = format!("{scheme}://{before}{secret}{after}");
        if let Err(error) = StoreUrl::parse(&url, None) {
            let said = format!("{error} {error:?}");
            // The error repeats the name of a parameter only if none of it can be part of a password.
            let is_a_name = is_in_a_name(&url, secret) && said.contains("the parameter ");
            prop_assert!(is_a_name || !said.to_lowercase().contains("hidden_secret"), "{url}: {said}");
        }
    }

    #[test]
    fn no_parameter_is_ignored(
        head in 0..HEADS.len(), name in "[a-zA-Z_]{1,12}", value in "[a-z0-9]{0,8}",
    ) {
        let known = ["db", "database", "node", "protocol", "user", "username", "pass", "password", "ssl", "tls"];
        prop_assume!(!known.contains(&name.as_str()));
        let (head, query) = HEADS[head];
        let url = format!("{head}{query}{name}={value}");
        prop_assert!(StoreUrl::parse(&url, None).is_err(), "{url}");
    }
}
