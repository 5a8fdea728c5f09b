//! Writes many tokens quickly: the records and indexes that `issue` would write, by pipelines.
//!
//! A million issues take a minute, ten million take ten. The resulting keys are the same; a test of this crate compares
//! them.

use std::sync::Arc;

use redis::aio::MultiplexedConnection;
use token_core::spi::{Clock, Place, Record, SubjectHash, SystemClock, TokenFormat};
use token_core::{KeyRing, Prefix, os_rng};

use crate::arena::request;
use crate::outcome::Outcome;

/// How many tokens one pipeline writes.
const BATCH: usize = 1_000;

/// Writes tokens with these numbers into an empty store, this many for each user, all capped, and returns every n-th text.
pub(crate) async fn lay(
    connection: &mut MultiplexedConnection,
    numbers: std::ops::Range<usize>,
    each: usize,
    every: usize,
) -> Outcome<Vec<Box<str>>> {
    let keys = Arc::new(KeyRing::public());
    let format = TokenFormat::new(Prefix::default(), keys.clone());
    let (mut texts, mut rng, lifetime) = (Vec::new(), os_rng()?, crate::arena::capped()?);
    let mut pipeline = redis::pipe();
    for number in numbers.clone() {
        let request = request(number / each, lifetime)?;
        let hash = SubjectHash::of(&request.subject);
        let token = format.generate(hash.partition, &mut rng);
        let now = SystemClock.now();
        let record = Record::new(&request, now);
        let deadlines = record.deadlines();
        let dies_at = now.after(deadlines.ttl(now)).as_millis();
        let cap = deadlines.cap().map_or(dies_at, |cap| cap.as_millis());

        let id = token.id().to_string();
        let (partition, digits) = id.split_at(2);
        let index = format!("tok:{{{partition}}}:u:{:032x}", hash.index);
        let place = Place { namespace: "tok", id: token.id() };
        let key = format!("tok:{{{partition}}}:{digits}");
        pipeline.cmd("SET").arg(key).arg(record.encode(place, &keys)).arg("PXAT").arg(dies_at).ignore();
        pipeline.cmd("ZADD").arg(&index).arg(cap).arg(&id).ignore();
        pipeline.cmd("PEXPIREAT").arg(&index).arg(cap).ignore();
        if number % every == 0 {
            texts.push(Box::from(token.expose_secret()));
        }
        if (number + 1) % BATCH == 0 || number + 1 == numbers.end {
            pipeline.query_async::<()>(connection).await?;
            pipeline.clear();
        }
    }
    Ok(texts)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use redis::AsyncCommands;
    use token_core::spi::TokenStore;

    use super::*;
    use crate::arena::{Arena, capped, issue};

    /// The kinds of keys, their number, and the lengths of their values.
    async fn shape(arena: &Arena) -> BTreeMap<(usize, String, usize), usize> {
        let mut connection = arena.multiplexed().await.unwrap();
        let mut shape = BTreeMap::new();
        let keys: Vec<String> = connection.keys("*").await.unwrap();
        // The check values of the store keys are not part of a token.
        for key in keys.into_iter().filter(|key| !key.starts_with("tok:{keys}:")) {
            let kind: String = redis::cmd("TYPE").arg(&key).query_async(&mut connection).await.unwrap();
            let length = match kind.as_str() {
                "string" => connection.strlen(&key).await.unwrap(),
                _ => connection.zcard::<_, usize>(&key).await.unwrap(),
            };
            let left: i64 = connection.pttl(&key).await.unwrap();
            assert!(left > 3_600_000, "{key} {left}");
            *shape.entry((key.len(), kind, length)).or_default() += 1;
        }
        shape
    }

    #[tokio::test]
    async fn bulk_tokens_have_the_same_keys_as_issued_ones() {
        let (issued, laid) = (Arena::open(20).await, Arena::open(20).await);
        let tokens = issued.store(KeyRing::public()).await.unwrap();
        issue(&tokens, capped().unwrap(), 20).await.unwrap();
        let texts = lay(&mut laid.multiplexed().await.unwrap(), 0..20, 5, 1).await.unwrap();
        assert_eq!(shape(&issued).await, shape(&laid).await);

        let tokens = laid.store(KeyRing::public()).await.unwrap();
        let user = request(0, capped().unwrap()).unwrap().subject;
        assert_eq!(tokens.store().list(&user).await.unwrap().grants.len(), 5);
        for text in texts {
            let verdict = tokens.validate(&text, &token_core::Requirement::any()).await.unwrap();
            assert!(verdict.grant().is_some());
        }
    }
}
