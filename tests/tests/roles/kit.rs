//! Helpers for the tests: servers with the roles, and stores by role.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use redis::{FromRedisValue, Value};
use token_core::{Access, IssueRequest, Issued, KeyRing, Lifetime, Prefix, Requirement, TokenService};
use token_redis::{Options, RedisStore};
use token_tests::servers::{Cluster, Server, Standalone};

pub(crate) type Tokens = TokenService<RedisStore>;

/// A deployment with the roles: one server, or a cluster with them on each node.
pub(crate) enum Place {
    Server(Standalone),
    Cluster(Cluster),
}

impl Place {
    pub(crate) async fn server() -> Self {
        Self::Server(Standalone::start_with_roles().await)
    }

    pub(crate) async fn cluster() -> Self {
        Self::Cluster(Cluster::start_with_roles().await)
    }

    pub(crate) fn url(&self) -> String {
        match self {
            Self::Server(server) => server.url(),
            Self::Cluster(cluster) => cluster.url(),
        }
    }

    pub(crate) fn url_as(&self, role: &str) -> String {
        match self {
            Self::Server(server) => server.url_as(role),
            Self::Cluster(cluster) => cluster.url_as(role),
        }
    }

    /// A service with the login of a role.
    pub(crate) async fn tokens(&self, role: &str) -> Tokens {
        tokens_with(&self.url_as(role), patient()).await
    }

    pub(crate) fn nodes(&self) -> Vec<&Server> {
        match self {
            Self::Server(server) => vec![server],
            Self::Cluster(cluster) => cluster.nodes().iter().collect(),
        }
    }

    pub(crate) async fn primaries(&self) -> Vec<&Server> {
        match self {
            Self::Server(server) => vec![server],
            Self::Cluster(cluster) => cluster.primaries().await,
        }
    }

    pub(crate) async fn each<T: FromRedisValue>(&self, words: &[&str]) -> Vec<T> {
        let mut answers = Vec::new();
        for primary in self.primaries().await {
            answers.push(primary.command(words).await);
        }
        answers
    }

    /// Asserts that no command was refused, not even one whose refusal the store ignores.
    pub(crate) async fn nothing_was_refused(&self) {
        let mut refused = Vec::new();
        for node in self.nodes() {
            let log: Vec<HashMap<String, Value>> = node.command(&["ACL", "LOG"]).await;
            refused.extend(log.iter().map(|entry| String::from_redis_value_ref(&entry["object"]).unwrap()));
        }
        assert_eq!(refused, Vec::<String>::new());
    }

    /// Expires a token.
    pub(crate) async fn bury(&self, issued: &Issued) {
        let id = issued.grant.id.to_string();
        let key = format!("tok:{{{}}}:{}", &id[..2], &id[2..]);
        let mut dead = 0;
        for primary in self.primaries().await {
            let keys: Vec<String> = primary.command(&["KEYS", "*"]).await;
            if keys.contains(&key) {
                dead += primary.command::<i32>(&["DEL", &key]).await;
            }
        }
        assert_eq!(dead, 1);
    }
}

pub(crate) fn keys() -> Arc<KeyRing> {
    Arc::new(KeyRing::parse(&format!("k {}", "00ff".repeat(16))).unwrap())
}

/// Long limits, because a reply may take long on a busy machine without being wrong.
pub(crate) fn patient() -> Options {
    const PATIENCE: Duration = Duration::from_secs(20);
    let mut options = Options::default();
    options.connect_timeout = PATIENCE;
    options.response_timeout = PATIENCE;
    options.validate_deadline = PATIENCE;
    options.deadline = 2 * PATIENCE;
    options.confirm_timeout = PATIENCE;
    options
}

pub(crate) async fn tokens_with(url: &str, options: Options) -> Tokens {
    TokenService::new(RedisStore::connect(url, keys(), options).await.unwrap(), Prefix::default())
}

pub(crate) fn hard() -> Lifetime {
    Lifetime::hard("1h".parse().unwrap())
}

pub(crate) fn lifetimes() -> [Lifetime; 3] {
    let window = "10m".parse().unwrap();
    [hard(), Lifetime::sliding(window), Lifetime::capped(window, "1h".parse().unwrap()).unwrap()]
}

pub(crate) async fn issue(tokens: &Tokens, user: &str, lifetime: Lifetime) -> Issued {
    let request = IssueRequest::new(user.parse().unwrap(), Access::Full, lifetime);
    tokens.issue(&request).await.unwrap()
}

pub(crate) async fn is_active(tokens: &Tokens, issued: &Issued) -> bool {
    tokens.validate(issued.token.expose_secret(), &Requirement::any()).await.unwrap().grant().is_some()
}
