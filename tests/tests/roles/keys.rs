//! No role has access to keys outside its namespace, nor to channels other than that of revocations.

use std::collections::HashMap;

use redis::Value;
use token_tests::servers::{Roles, Standalone};

use crate::commands::{Known, dry_run, own_key, permitted};

const ROLES_WITH_KEYS: [&str; 4] = ["validator", "issuer", "admin", "doctor"];

/// The rules of a user as the server has parsed them. Only the texts; the lists are flags, passwords and selectors.
pub(crate) async fn rules(server: &Standalone, role: &str) -> HashMap<String, String> {
    let rules: HashMap<String, Value> = server.command(&["ACL", "GETUSER", role]).await;
    let text = |value: Value| match value {
        Value::BulkString(text) => String::from_utf8(text).unwrap(),
        Value::Array(parts) => {
            let parts: Vec<String> =
                parts.into_iter().map(|part| redis::from_redis_value(part).unwrap()).collect();
            parts.join(" ")
        }
        other => panic!("{role}: {other:?}"),
    };
    rules.into_iter().map(|(name, value)| (name, text(value))).collect()
}

#[tokio::test]
async fn a_key_outside_the_namespace_is_refused_for_any_command() {
    let server = Standalone::start_with_roles().await;
    let commands = Known::all(&server).await;
    for role in ROLES_WITH_KEYS {
        let permitted = permitted(role);
        let mut tried = 0;
        for command in commands.iter().filter(|one| one.has_keys() && permitted.contains(&one.name)) {
            assert_eq!(dry_run(&server, role, &command.call(own_key(role))).await.unwrap(), "OK");
            let of_others = if role == "doctor" { own_key("admin") } else { "other:{aa}:key" };
            for key in [of_others, "token:{aa}:key", "tok", "{tok}:key", "TOK:{aa}:key", " tok:", ""] {
                let call = command.call(key);
                let answer = dry_run(&server, role, &call).await.unwrap();
                let refused = format!("no permissions to access the '{key}' key");
                assert!(answer.ends_with(&refused), "{call:?}: {answer}");
            }
            tried += 1;
        }
        // The commands of the scripts themselves, and at least one that they call.
        assert!(tried >= 3, "{role}: {tried}");
    }
}

#[tokio::test]
async fn a_role_with_pubsub_commands_is_still_refused_other_channels() {
    let server = Standalone::start_with_roles().await;
    for role in Roles::names().iter().filter(|&role| role != "default") {
        server.command::<()>(&["ACL", "SETUSER", role, "+@pubsub"]).await;
        for (command, channel) in [
            (vec!["PUBLISH", "tok:x", "message"], "tok:x"),
            (vec!["SPUBLISH", "tok:x", "message"], "tok:x"),
            (vec!["SUBSCRIBE", "__keyspace@0__:tok:x"], "__keyspace@0__:tok:x"),
            (vec!["SSUBSCRIBE", "tok:x"], "tok:x"),
            (vec!["PSUBSCRIBE", "*"], "*"),
        ] {
            let answer = dry_run(&server, role, &command).await.unwrap();
            let refused = format!("no permissions to access the '{channel}' channel");
            assert!(answer.ends_with(&refused), "{role} {command:?}: {answer}");
        }
    }
}

/// A second set of rules could permit more than the first one shows.
#[tokio::test]
async fn each_role_has_one_set_of_rules_and_needs_its_password() {
    let server = Standalone::start_with_roles().await;
    for role in Roles::names().iter().filter(|&role| role != "default") {
        let rules = rules(&server, role).await;
        let keys = match role.as_str() {
            "doctor" => "~tok:{??}:doctor %R~tok:{keys}:v:?",
            role if ROLES_WITH_KEYS.contains(&role) => "~tok:*",
            _ => "",
        };
        let channels = if matches!(role.as_str(), "validator" | "admin") { "&tok:revoked" } else { "" };
        let found = ["keys", "channels", "selectors"].map(|name| rules[name].as_str());
        assert_eq!(found, [keys, channels, ""], "{role}");
        let flags: Vec<&str> = rules["flags"].split(' ').filter(|&flag| flag != "sanitize-payload").collect();
        assert_eq!(flags, ["on"], "{role}");
        assert_eq!(rules["passwords"].split(' ').count(), 1, "{role}");
    }
}

#[tokio::test]
async fn the_unedited_acl_lines_admit_no_login() {
    let server = Standalone::start().await;
    for role in Roles::names() {
        let line = Roles::line(&role);
        let words: Vec<&str> =
            ["ACL", "SETUSER", "as-it-stands", "reset"].into_iter().chain(line.split(' ').skip(2)).collect();
        server.command::<()>(&words).await;
        let rules = rules(&server, "as-it-stands").await;
        assert!(!rules["flags"].contains("nopass") && rules["passwords"].is_empty(), "{role}: {rules:?}");
    }
}

#[tokio::test]
async fn the_default_user_is_off_and_has_no_password() {
    let server = Standalone::start_with_roles().await;
    let rules = rules(&server, "default").await;
    assert!(rules["flags"].split(' ').any(|flag| flag == "off"), "{rules:?}");
    assert!(rules["flags"].split(' ').all(|flag| flag != "nopass"), "{rules:?}");
    assert_eq!(rules["passwords"], "");
}

/// The server checks each command of a script against the rights of the user who sent it.
#[tokio::test]
async fn a_script_has_only_the_rights_of_its_caller() {
    let server = Standalone::start_with_roles().await;
    server.command::<()>(&["SET", own_key("validator"), "kept"]).await;
    for (role, body) in [
        ("validator", "return redis.call('SET', KEYS[1], 'changed')"),
        ("validator", "return redis.call('DEL', KEYS[1])"),
        ("issuer", "return redis.call('DEL', KEYS[1])"),
        ("admin", "return redis.call('FLUSHALL')"),
        ("admin", "return redis.call('GET', 'other')"),
        ("admin", "return redis.call('PUBLISH', 'tok:x', 'message')"),
    ] {
        let client = redis::Client::open(server.url_as(role)).unwrap();
        let mut connection = client.get_multiplexed_async_connection().await.unwrap();
        let mut script = redis::cmd("EVAL");
        let answer: redis::RedisResult<Value> =
            script.arg(body).arg(1).arg(own_key("validator")).query_async(&mut connection).await;
        let refusal = answer.unwrap_err();
        // The texts of Redis from 7.2 on, and before.
        let known = ["ACL failure in script", "The user executing the script can't"];
        assert!(known.iter().any(|text| refusal.to_string().contains(text)), "{role} {body}: {refusal}");
    }
    assert_eq!(server.command::<String>(&["GET", own_key("validator")]).await, "kept");
}
