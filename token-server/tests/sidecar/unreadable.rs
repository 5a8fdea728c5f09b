//! A record that cannot be read hides no other token.

use std::sync::Arc;

use serde_json::{Value, json};
use token_core::spi::MemoryStore;
use token_core::spi::layout::KEY_VERSION;
use token_core::{KeyRing, TokenId};

use crate::kit::*;

/// A sidecar, and the store behind it.
fn running() -> (Running, Arc<MemoryStore>) {
    let store = Arc::new(MemoryStore::new(Arc::new(KeyRing::public())));
    (Running::on(store.clone()), store)
}

fn lose_the_key(store: &MemoryStore, id: TokenId) {
    store.tamper(id, |record| record[KEY_VERSION] = b'2');
}

fn ids(rows: &Value) -> Vec<&str> {
    rows.as_array().unwrap().iter().map(|row| row["id"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn a_listing_shows_the_good_ones_and_marks_the_others() {
    let (running, store) = running();
    let root = running.issue("root", &[]).await;
    let [good, bad] = [running.issue("ci", &[]).await, running.issue("ci", &[]).await];
    lose_the_key(&store, bad.grant.id);
    for caller in [&root, &good] {
        let answer = running.rest(caller, "GET", "?user=ci").await;
        assert_eq!(answer.status, 200, "{answer:?}");
        assert_eq!(ids(&answer.json["tokens"]), [good.grant.id.to_string()]);
        assert_eq!(
            answer.json["unreadable"],
            json!([{
                "id": bad.grant.id.to_string(),
                "why": "missing_key",
                "message": "it was sealed with key version 2, which is not in this node's key file; \
                            give this node the key file that has its key",
            }])
        );
    }
}

#[tokio::test]
async fn the_first_page_has_all_that_cannot_be_read_and_no_other_has() {
    let (running, store) = running();
    let root = running.issue("root", &[]).await;
    for number in 0..6 {
        let issued = running.issue("ci", &[]).await;
        if number % 2 == 0 {
            lose_the_key(&store, issued.grant.id);
        }
    }
    let (mut tokens, mut unreadable, mut query) = (0, Vec::new(), "?user=ci&limit=1".to_owned());
    loop {
        let page = running.rest(&root, "GET", &query).await.json;
        tokens += ids(&page["tokens"]).len();
        unreadable.push(ids(&page["unreadable"]).len());
        let Some(cursor) = page["next_cursor"].as_str() else { break };
        query = format!("?user=ci&limit=1&cursor={cursor}");
    }
    assert_eq!((tokens, unreadable), (3, vec![3, 0, 0]));
}

#[tokio::test]
async fn a_restricted_token_learns_of_no_other_unreadable_one() {
    let (running, store) = running();
    let [own, other] = [running.issue("ci", &[FILE]).await, running.issue("ci", &[]).await];
    lose_the_key(&store, other.grant.id);
    let answer = running.rest(&own, "GET", "").await;
    assert_eq!((answer.status, &answer.json["unreadable"]), (200, &json!([])));
    assert_eq!(ids(&answer.json["tokens"]), [own.grant.id.to_string()]);
}

#[tokio::test]
async fn what_cannot_be_read_is_revoked_with_the_others() {
    let (running, store) = running();
    let root = running.issue("root", &[]).await;
    let [good, bad, one] =
        [running.issue("ci", &[]).await, running.issue("ci", &[]).await, running.issue("ci", &[]).await];
    for bad in [&bad, &one] {
        lose_the_key(&store, bad.grant.id);
    }
    assert_eq!(running.rest(&root, "DELETE", &format!("/{}", one.grant.id)).await.status, 200);
    let answer = running.rest(&root, "DELETE", "?user=ci").await;
    let mut ended: Vec<&str> =
        answer.json["revoked"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
    ended.sort_unstable();
    let mut both = [good.grant.id.to_string(), bad.grant.id.to_string()];
    both.sort();
    assert_eq!(ended, both);
}
