//! A store on several runtimes: each has its own connection for validations, and everything else is shared.

use std::sync::Arc;

use token_core::{Lifetime, Prefix, Requirement, TokenService};
use token_redis::{LocalCache, RedisStore};
use token_tests::servers::Standalone;
use tokio::runtime::{Builder, Runtime};

use crate::kit::{Deployment, Tokens, issue, keys, revoke, span, tokens_at};
use crate::local_cache::kit::{AGES, is_active, status, until_heard};

fn runtime() -> Runtime {
    Builder::new_current_thread().enable_all().build().unwrap()
}

async fn on_this_runtime(tokens: &Tokens) -> Tokens {
    TokenService::new(tokens.store().on_this_runtime().await.unwrap(), Prefix::default())
}

#[test]
fn a_store_survives_the_end_of_another_runtime() {
    let (one, other) = (runtime(), runtime());
    let redis = other.block_on(Standalone::start());
    let (first, text) = one.block_on(async {
        let tokens = tokens_at(&redis.url()).await;
        let issued = issue(&tokens, "ada", Lifetime::hard(span("1h"))).await;
        (tokens, issued.token.expose_secret().to_owned())
    });
    let second = other.block_on(on_this_runtime(&first));
    drop(one);
    other.block_on(async {
        assert!(is_active(&second, &text).await);
        assert_eq!(second.store().connection_swaps(), 0, "its own connection is intact");
        assert!(is_active(&first, &text).await);
        assert_eq!(first.store().connection_swaps(), 1, "the other connection was lost");
        assert_eq!(second.store().connection_swaps(), 1, "which is counted for both");
    });
    other.block_on(async { drop(redis) });
}

#[tokio::test]
async fn all_runtimes_share_the_entries_of_the_cache() {
    let redis = Standalone::start().await;
    let cache = LocalCache::default().max_age(AGES);
    let store = RedisStore::builder().local_cache(cache).connect(&redis.url(), keys()).await.unwrap();
    let one = TokenService::new(store, Prefix::default());
    until_heard(&one).await;
    let other = on_this_runtime(&one).await;
    let issued = issue(&one, "ada", Lifetime::sliding(span("10m"))).await;
    let text = issued.token.expose_secret();

    assert!(is_active(&one, text).await);
    let asked = status(&one).misses;
    assert!(is_active(&other, text).await);
    assert_eq!(
        (status(&other).misses, status(&other).hits),
        (asked, 1),
        "the other store answers from the cache"
    );
    revoke(&other, &issued).await;
    assert!(!is_active(&one, text).await, "without any delay");
}

/// In a cluster, this holds for the validations of one primary.
#[tokio::test]
async fn concurrent_validations_on_one_thread_become_one_command() {
    for deployment in [Deployment::standalone().await, Deployment::cluster().await] {
        let tokens = Arc::new(on_this_runtime(&tokens_at(&deployment.url()).await).await);
        let mut texts = Vec::new();
        for _ in 0..20 {
            let issued = issue(&tokens, "ada", Lifetime::sliding(span("10m"))).await;
            texts.push(issued.token.expose_secret().to_owned());
        }
        assert!(is_active(&tokens, &texts[0]).await, "from here on, the server has the script");
        deployment.forget_commands().await;
        let asked: Vec<_> = texts
            .into_iter()
            .map(|text| {
                let tokens = tokens.clone();
                tokio::spawn(async move { tokens.validate(&text, &Requirement::any()).await })
            })
            .collect();
        for asked in asked {
            assert!(asked.await.unwrap().unwrap().grant().is_some());
        }
        let calls = deployment.commands().await.remove("evalsha").unwrap();
        assert_eq!(calls, 1);
    }
}
