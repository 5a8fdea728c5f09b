//! Helpers for the tests: a service on a server, and the statistics of the server.

use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, LazyLock, Mutex};
use std::time::Duration;

use redis::FromRedisValue;
use token_core::spi::TokenStore;
use token_core::{
    Access, IssueRequest, Issued, KeyRing, Lifetime, Prefix, Requirement, Revocation, RevokeOutcome, Span,
    StoreError, TokenId, TokenService, Verdict,
};
use token_redis::{Options, RedisStore};
use token_tests::programs::KEY_FILE;
use token_tests::servers::{Cluster, Server, Standalone};

pub(crate) type Tokens = TokenService<RedisStore>;

pub(crate) fn keys() -> Arc<KeyRing> {
    Arc::new(KeyRing::parse(KEY_FILE).unwrap())
}

/// A service with long limits: on a busy machine a reply may take long without being wrong.
pub(crate) async fn tokens_at(url: &str) -> Tokens {
    const PATIENCE: Duration = Duration::from_secs(20);
    let mut options = Options::default();
    options.connect_timeout = PATIENCE;
    options.response_timeout = PATIENCE;
    options.validate_deadline = PATIENCE;
    options.deadline = 2 * PATIENCE;
    options.confirm_timeout = PATIENCE;
    tokens_with(url, options).await
}

/// A service with default options, and a little more time for confirmations.
pub(crate) async fn hasty_tokens_at(url: &str) -> Tokens {
    let mut options = Options::default();
    options.deadline = Duration::from_secs(10);
    options.confirm_timeout = Duration::from_secs(3);
    tokens_with(url, options).await
}

pub(crate) async fn tokens_with(url: &str, options: Options) -> Tokens {
    TokenService::new(RedisStore::connect(url, keys(), options).await.unwrap(), Prefix::default())
}

/// Validates until the store answers. Until then there are errors that can be retried, and no wrong answers.
pub(crate) async fn until_it_answers(tokens: &Tokens, text: &str) -> Verdict {
    let mut last: Option<StoreError> = None;
    for _ in 0..600 {
        match tokens.validate(text, &Requirement::any()).await {
            Ok(verdict) => return verdict,
            Err(error) => {
                assert!(error.is_retryable(), "{error:?}");
                last = Some(error);
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
    }
    panic!("it never answered again: {last:?}")
}

pub(crate) async fn issue(tokens: &Tokens, user: &str, lifetime: Lifetime) -> Issued {
    let request = IssueRequest::new(user.parse().unwrap(), Access::Full, lifetime);
    tokens.issue(&request).await.unwrap()
}

pub(crate) fn span(text: &str) -> Span {
    text.parse().unwrap()
}

/// Captures the log of all tests of this process from here on.
pub(crate) fn log() -> &'static Log {
    static LOG: LazyLock<Log> = LazyLock::new(|| {
        let log = Log::default();
        let written = log.clone();
        tracing_subscriber::fmt().with_ansi(false).with_writer(move || written.clone()).init();
        log
    });
    &LOG
}

/// The captured log.
#[derive(Clone, Default)]
pub(crate) struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    /// The lines with this text.
    pub(crate) fn lines_with(&self, text: &str) -> Vec<String> {
        let log = String::from_utf8_lossy(&self.0.lock().unwrap()).into_owned();
        log.lines().filter(|line| line.contains(text)).map(str::to_owned).collect()
    }
}

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The servers that keep tokens: a single server, or the primaries of a cluster.
pub(crate) enum Deployment {
    Standalone(Standalone),
    Cluster(Cluster),
}

impl Deployment {
    pub(crate) async fn standalone() -> Self {
        Self::Standalone(Standalone::start().await)
    }

    pub(crate) async fn cluster() -> Self {
        Self::Cluster(Cluster::start().await)
    }

    pub(crate) fn url(&self) -> String {
        match self {
            Self::Standalone(server) => server.url(),
            Self::Cluster(cluster) => cluster.url(),
        }
    }

    pub(crate) async fn primaries(&self) -> Vec<&Server> {
        match self {
            Self::Standalone(server) => vec![server],
            Self::Cluster(cluster) => cluster.primaries().await,
        }
    }

    /// Sends a command to every primary.
    pub(crate) async fn each<T: FromRedisValue>(&self, words: &[&str]) -> Vec<T> {
        let mut answers = Vec::new();
        for server in self.primaries().await {
            answers.push(server.command(words).await);
        }
        answers
    }

    /// How often each command ran on all primaries together since the last reset, including those inside scripts, without the
    /// commands of this query itself.
    pub(crate) async fn commands(&self) -> BTreeMap<String, u64> {
        let mut commands = BTreeMap::new();
        for info in self.each::<String>(&["INFO", "commandstats"]).await {
            for line in info.lines() {
                let Some((name, numbers)) =
                    line.strip_prefix("cmdstat_").and_then(|line| line.split_once(':'))
                else {
                    continue;
                };
                let calls = numbers.strip_prefix("calls=").and_then(|rest| rest.split(',').next()).unwrap();
                *commands.entry(name.to_owned()).or_default() += calls.parse::<u64>().unwrap();
            }
        }
        commands.retain(|name, _| !IGNORED.iter().any(|ignored| name.starts_with(ignored)));
        commands
    }

    pub(crate) async fn forget_commands(&self) {
        self.each::<()>(&["CONFIG", "RESETSTAT"]).await;
    }

    /// All keys of all primaries.
    pub(crate) async fn all_keys(&self) -> Vec<String> {
        self.each::<Vec<String>>(&["KEYS", "*"]).await.concat()
    }
}

/// The commands of a query (which uses a new connection), and those that replicas send to their primary.
const IGNORED: [&str; 8] = ["info", "config", "hello", "client", "replconf", "psync", "cluster", "ping"];

/// The key of a token's record.
pub(crate) fn record_key(id: TokenId) -> String {
    let id = id.to_string();
    format!("tok:{{{}}}:{}", &id[..2], &id[2..])
}

/// Whether a key holds a token's record, by its form.
pub(crate) fn is_record(key: &str) -> bool {
    key.rsplit_once("}:").is_some_and(|(_, rest)| !rest.contains(':'))
}

/// Revokes a live token.
pub(crate) async fn revoke(tokens: &Tokens, issued: &Issued) {
    let done = tokens.store().revoke(issued.grant.id, &Revocation::default()).await.unwrap();
    assert_eq!(done.outcome, RevokeOutcome::Revoked);
}

/// Waits until the condition is true.
pub(crate) async fn until(mut so: impl AsyncFnMut() -> bool) {
    for _ in 0..1_500 {
        if so().await {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("it is not so after half a minute");
}
