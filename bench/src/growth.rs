//! `growth`: throughput by the number of tokens in the store.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use token_core::{KeyRing, Requirement};

use crate::arena::{Arena, write_bare};
use crate::bulk::lay;
use crate::contest::{Entry, Row, Rules, hold};
use crate::contestants::floor::{Evalsha, load_script};
use crate::contestants::ours::Ours;
use crate::outcome::{Outcome, failure};
use crate::results::Docs;
use crate::usage::Meter;

/// The numbers of tokens, one measurement each.
const TOKENS: [usize; 5] = [1_000, 10_000, 100_000, 1_000_000, 10_000_000];
/// A generous estimate of the server memory of a token, including its index.
const BYTES_EACH: u64 = 450;
/// The maximum number of tokens that are used.
const ASKED: usize = 100_000;

/// The result with this number of tokens.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct GrowthRow {
    pub(crate) tokens: usize,
    pub(crate) rows: Vec<Row>,
}

/// Measures, prints and saves the results.
pub(crate) async fn run(docs: &Docs) -> Outcome<()> {
    let rules = Rules { callers: vec![64], rounds: 5, lap: Duration::from_secs(1) };
    let arena = Arena::open(1_000).await;
    let mut connection = arena.multiplexed().await?;
    let script = load_script(&mut connection).await?.into();
    let keys = write_bare(&mut connection, "flr", 1_000).await?;
    let mut entries =
        vec![Entry::new("floor/evalsha", "", Evalsha { connection: connection.clone(), script, keys })];

    let (mut laid, mut found) = (0, Vec::new());
    for tokens in TOKENS {
        if tokens as u64 * BYTES_EACH > free_memory()? / 2 {
            println!("{tokens:>10} tokens: not measured, they would take half of the memory that is free");
            break;
        }
        // Spread over the tokens that are written in this step; the earlier ones count, too.
        let every = (tokens - laid).div_ceil(ASKED).max(1);
        let texts = lay(&mut connection, laid..tokens, 5, every).await?;
        laid = tokens;
        let ours = Ours {
            tokens: arena.store(KeyRing::public()).await?,
            texts: texts.into(),
            requirement: Requirement::any(),
        };
        entries.truncate(1);
        entries.push(Entry::new("ours/capped", "", ours));
        let rows = hold(&rules, &entries, Some(&Meter::on(&arena.server).await)).await?;
        for row in &rows {
            println!("{tokens:>10} tokens  {:<16}{:>10.0}/s", row.name, row.per_second.median);
        }
        found.push(GrowthRow { tokens, rows });
    }
    docs.keep("growth", found)
}

/// The free memory of the system in bytes.
fn free_memory() -> Outcome<u64> {
    let text = std::fs::read_to_string("/proc/meminfo")?;
    let line = text.lines().find_map(|line| line.strip_prefix("MemAvailable:"));
    let kib = line.and_then(|rest| rest.trim().split(' ').next()?.parse::<u64>().ok());
    kib.map(|kib| kib * 1024).ok_or_else(|| failure("the system does not say how much memory is free"))
}
