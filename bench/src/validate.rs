//! `validate`: the comparison of validations.

use serde::{Deserialize, Serialize};

use crate::arena::Arena;
use crate::args::ValidateArgs;
use crate::contest::{Entry, Row, Rules, hold};
use crate::contestants::{axum_session, deadpool, floor, fred, ours, redis_benchmark, tower_sessions};
use crate::machine::version;
use crate::outcome::Outcome;
use crate::peers;
use crate::results::Docs;
use crate::usage::Meter;

/// The default number of tokens of each kind.
const TOKENS: usize = 10_000;
const TOKENS_QUICK: usize = 5_000;

/// The crates whose versions are kept with the results.
const PACKAGES: [&str; 6] =
    ["redis", "deadpool-redis", "fred", "tower-sessions-redis-store", "axum_session_redispool", "tokio"];

/// The results of the comparison.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Validations {
    pub(crate) tokens: usize,
    pub(crate) rounds: usize,
    pub(crate) lap_ms: u64,
    /// The compared crates with their versions.
    pub(crate) crates: Vec<String>,
    pub(crate) contestants: Vec<About>,
    pub(crate) rows: Vec<Row>,
}

/// A description of a subject.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct About {
    pub(crate) name: String,
    pub(crate) about: String,
}

/// A row of the file of `--json`.
#[derive(Serialize)]
struct Plain<'a> {
    name: &'a str,
    callers: usize,
    per_second: f64,
}

/// Runs the comparison, prints the rows, and saves them.
pub(crate) async fn run(arguments: &ValidateArgs, docs: &Docs) -> Outcome<()> {
    let rules = arguments.rules();
    let tokens = arguments.tokens.unwrap_or(if arguments.quick { TOKENS_QUICK } else { TOKENS });
    let found = contest(arguments, &rules, tokens).await?;
    print(&found.rows);
    match &arguments.json {
        Some(file) => {
            let rows = found.rows.iter();
            let plain: Vec<_> = rows
                .map(|row| Plain {
                    name: &row.name,
                    callers: row.callers,
                    per_second: row.per_second.median.round(),
                })
                .collect();
            std::fs::write(file, serde_json::to_string_pretty(&plain)? + "\n")?;
        }
        // Results with special options are not used for the document.
        None if (arguments.quick || !arguments.only.is_empty()) && !arguments.keep => {}
        None => docs.keep("validate", found)?,
    }
    Ok(())
}

async fn contest(arguments: &ValidateArgs, rules: &Rules, tokens: usize) -> Outcome<Validations> {
    let arena = Arena::open(tokens).await;
    let folder = tempfile::tempdir()?;
    let wanted =
        |name: &str| arguments.only.is_empty() || arguments.only.iter().any(|start| name.starts_with(start));
    let among = |start: &str| wanted(start) || arguments.only.iter().any(|only| only.starts_with(start));
    let full = !arguments.quick;
    let mut entries = Vec::new();
    if among("floor/") {
        entries.extend(floor::enter(&arena, full || !arguments.only.is_empty()).await?);
    }
    entries.extend(ours::enter(&arena, &wanted).await?);
    if wanted("peer/deadpool-per-call") {
        entries.push(deadpool::enter(&arena).await?);
    }
    if wanted("peer/fred") {
        entries.push(fred::enter(&arena).await?);
    }
    if wanted("peer/tower-sessions-redis") {
        entries.push(tower_sessions::enter(&arena).await?);
    }
    if wanted("peer/axum-session-redis") {
        entries.push(axum_session::enter(&arena).await?);
    }
    if full && among("floor/redis-benchmark") {
        entries.extend(redis_benchmark::enter(&arena).await?);
    }
    if full && among("ours/") {
        entries.extend(ours::enter_more(&arena, &wanted).await?);
    }
    if full && (among("peer/flask") || among("peer/django")) {
        entries.extend(peers::enter(&arena, folder.path()).await?);
    }
    entries.retain(|entry: &Entry| wanted(entry.name));
    let meter = Meter::on(&arena.server).await;
    let rows = hold(rules, &entries, Some(&meter)).await?;
    let contestants = entries
        .iter()
        .map(|entry| About { name: entry.name.to_owned(), about: entry.about.clone() })
        .collect();
    let lap_ms = u64::try_from(rules.lap.as_millis())?;
    let crates = PACKAGES.iter().map(|&name| format!("{name} {}", version(name))).collect();
    Ok(Validations { tokens, rounds: rules.rounds, lap_ms, crates, contestants, rows })
}

fn print(rows: &[Row]) {
    println!(
        "{:<30}{:>8}{:>13}{:>7}{:>12}{:>12}{:>13}",
        "", "callers", "per second", "±", "client µs", "server µs", "commands µs"
    );
    for row in rows {
        let share = row.per_second.share() * 100.0;
        let client = row.client_us.map_or("-".to_owned(), |us| format!("{us:.2}"));
        println!(
            "{:<30}{:>8}{:>13.0}{:>6.1}%{client:>12}{:>12.2}{:>13.2}",
            row.name, row.callers, row.per_second.median, share, row.server_us, row.commands_us
        );
    }
}
