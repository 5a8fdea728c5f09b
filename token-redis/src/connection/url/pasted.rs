//! URLs as environment files and other tools contain them.

use super::super::store_url::StoreUrl;
use super::tests::{parse, refused};

#[test]
fn characters_around_a_url_are_not_part_of_it() {
    for text in
        [" redis://h", "redis://h\r\n", "\u{feff}redis://h", "\tredis-sentinel://h?sentinelServiceName=t\r"]
    {
        parse(text);
    }
    for text in ["\"redis://u:hidden@h\"", "'redis://h'", "\"\"", "\u{201c}redis://h\u{201d}"] {
        refused(text, &["quotation mark"]);
    }
}

#[test]
fn several_hosts_in_the_url_of_one_server_are_refused_as_such() {
    for url in ["redis://h:1,i:2", "rediss://h:1,i:2/0"] {
        refused(url, &["several hosts"]);
    }
    let password = StoreUrl::parse("redis://u:a,b@h:x", None).unwrap_err().to_string();
    assert!(!password.contains("several hosts"), "{password}");
}
