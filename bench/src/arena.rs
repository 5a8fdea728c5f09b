//! The environment of all subjects: one Redis that this program starts, and the same tokens.

use std::sync::Arc;

use futures_util::{StreamExt, TryStreamExt, stream};
use redis::aio::MultiplexedConnection;
use token_core::spi::{Clock, Place, Record, SubjectHash, SystemClock, TokenFormat, TokenStore};
use token_core::{Access, IssueRequest, KeyRing, Lifetime, Prefix, Span, TokenService, os_rng};
use token_redis::{Options, RedisStore};
use token_tests::servers::Standalone;

use crate::outcome::Outcome;

/// How many tokens a user has.
pub(crate) const EACH: usize = 5;
/// How long the tokens live, hard or sliding: longer than any measurement.
const LIFE: u64 = 24 * 3_600_000;
/// How many are issued at once.
const AT_ONCE: usize = 64;

/// The texts of live tokens.
pub(crate) type Texts = Arc<[Box<str>]>;

/// A Redis server without persistence, as the tests start it, and how many tokens of each kind are in it.
pub(crate) struct Arena {
    pub(crate) server: Standalone,
    pub(crate) tokens: usize,
}

impl Arena {
    pub(crate) async fn open(tokens: usize) -> Self {
        Self { server: Standalone::start().await, tokens }
    }

    /// A connection with default settings.
    pub(crate) async fn multiplexed(&self) -> Outcome<MultiplexedConnection> {
        Ok(redis::Client::open(self.server.url())?.get_multiplexed_async_connection().await?)
    }

    /// A store with default options.
    pub(crate) async fn store(&self, keys: KeyRing) -> Outcome<TokenService<RedisStore>> {
        service(&self.server.url(), keys).await
    }
}

/// A store as anybody would open it.
pub(crate) async fn service(url: &str, keys: KeyRing) -> Outcome<TokenService<RedisStore>> {
    let mut options = Options::default();
    options.pool_size = AT_ONCE;
    Ok(TokenService::new(RedisStore::connect(url, Arc::new(keys), options).await?, Prefix::default()))
}

/// Expires after a day.
pub(crate) fn hard() -> Outcome<Lifetime> {
    Ok(Lifetime::hard(life()?))
}

/// Expires a day after the last use.
pub(crate) fn sliding() -> Outcome<Lifetime> {
    Ok(Lifetime::sliding(life()?))
}

/// Expires half a day after the last use, and after a day at most.
pub(crate) fn capped() -> Outcome<Lifetime> {
    Ok(Lifetime::capped(Span::from_millis(LIFE / 2)?, life()?)?)
}

fn life() -> Outcome<Span> {
    Ok(Span::from_millis(LIFE)?)
}

/// The request for all tokens: a name, full access, a label and an issuer, as in usual deployments.
pub(crate) fn request(user: usize, lifetime: Lifetime) -> Outcome<IssueRequest> {
    let mut request = IssueRequest::new(format!("user-{user:07}").parse()?, Access::Full, lifetime);
    request.label = Some("nightly backup".parse()?);
    request.issuer = Some("admin".parse()?);
    Ok(request)
}

/// Issues this many tokens, [`EACH`] to a user.
pub(crate) async fn issue<S: TokenStore>(
    tokens: &TokenService<S>,
    lifetime: Lifetime,
    count: usize,
) -> Outcome<Texts> {
    let issued = stream::iter(0..count).map(|number| async move {
        let issued = tokens.issue(&request(number / EACH, lifetime)?).await?;
        Outcome::Ok(Box::from(issued.token.expose_secret()))
    });
    let texts: Vec<Box<str>> = issued.buffered(AT_ONCE).try_collect().await?;
    Ok(texts.into())
}

/// A key and a record of the same lengths as those of the store, for subjects without the store.
pub(crate) fn bare_record(number: usize, prefix: &str) -> Outcome<(String, Vec<u8>)> {
    let keys = Arc::new(KeyRing::public());
    let request = request(number / EACH, sliding()?)?;
    let partition = SubjectHash::of(&request.subject).partition;
    let id = TokenFormat::new(Prefix::default(), keys.clone()).generate(partition, &mut os_rng()?).id();
    let text = id.to_string();
    let (partition, digits) = text.split_at(2);
    let record = Record::new(&request, SystemClock.now()).encode(Place::of(id), &keys);
    Ok((format!("{prefix}:{{{partition}}}:{digits}"), record))
}

/// Writes records under separate keys, with a TTL of one day, and returns the keys.
pub(crate) async fn write_bare(
    connection: &mut MultiplexedConnection,
    prefix: &str,
    count: usize,
) -> Outcome<Arc<[String]>> {
    let mut keys = Vec::with_capacity(count);
    let mut pipeline = redis::pipe();
    for number in 0..count {
        let (key, record) = bare_record(number, prefix)?;
        pipeline.cmd("SET").arg(&key).arg(record).arg("PX").arg(LIFE).ignore();
        keys.push(key);
        if keys.len() % 500 == 0 || keys.len() == count {
            pipeline.query_async::<()>(connection).await?;
            pipeline.clear();
        }
    }
    Ok(keys.into())
}
