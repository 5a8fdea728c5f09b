//! The sections on throughput and latency.

use std::collections::BTreeMap;

use super::Section;
use super::plots::{Line, Plot};
use super::tables::{count, micros, ratio, spread, table};
use crate::auth::AuthRow;
use crate::contest::Row;
use crate::embedded::Embedded;
use crate::latency::LatencyRow;
use crate::micro::MicroRow;
use crate::outcome::Outcome;
use crate::validate::Validations;

/// The row to which the others are compared.
const FLOOR: &str = "floor/evalsha";
const PER_CALL: &str = "peer/deadpool-per-call";

/// The distinct values in the order of their first occurrence.
fn distinct<T: PartialEq + Copy>(values: impl Iterator<Item = T>) -> Vec<T> {
    let mut seen = Vec::new();
    for value in values {
        if !seen.contains(&value) {
            seen.push(value);
        }
    }
    seen
}

/// `validate`
pub(super) fn validations(found: &Validations) -> Outcome<Section> {
    let callers = distinct(found.rows.iter().map(|row| row.callers));
    let row =
        |name: &str, callers: usize| found.rows.iter().find(|row| row.name == name && row.callers == callers);
    let times = |name: &str, other: &str, callers: usize| {
        let both = row(name, callers).zip(row(other, callers));
        both.map_or_else(|| "—".to_owned(), |(own, other): (&Row, &Row)| format!("{:.2}", own.times(other)))
    };

    let mut head = vec!["validations a second, by callers at once".to_owned()];
    head.extend(callers.iter().map(|callers| callers.to_string()));
    head.push("of the floor at 64".to_owned());
    let head: Vec<&str> = head.iter().map(String::as_str).collect();
    let rows = found.contestants.iter().map(|contestant| {
        let name = &contestant.name;
        let mut cells = vec![format!("`{name}`")];
        cells.extend(
            callers
                .iter()
                .map(|&callers| row(name, callers).map_or("—".into(), |row| spread(&row.per_second))),
        );
        cells.push(times(name, FLOOR, 64));
        cells
    });
    let mut text = format!(
        "Validations\n\nMedian of {} laps of {} ms, in turns, on {} tokens of each kind; ± is half the distance between the slowest and the fastest lap. Ratios are medians of the ratios within one round, because the laps of a round follow each other directly.\n{}",
        found.rounds,
        found.lap_ms,
        count(found.tokens as f64),
        table(&head, rows)
    );

    let goals = ["ours/hard", "ours/sliding", "ours/capped"].into_iter().flat_map(|name| {
        [64, 256].map(|callers| {
            vec![
                format!("`{name}`"),
                callers.to_string(),
                times(name, FLOOR, callers),
                times(name, PER_CALL, callers),
            ]
        })
    });
    text += "\nThe goals are 0.9 of the floor, and 2.5 times the throughput with a pool connection for each call:\n";
    text += &table(&["", "callers", "of `floor/evalsha`", "of `peer/deadpool-per-call`"], goals);

    let used = found.contestants.iter().filter_map(|contestant| {
        let row = row(&contestant.name, 64)?;
        let client = row.client_us.map_or("—".into(), |us| format!("{us:.2}"));
        let server = |us: f64| if us > 0.05 { format!("{us:.2}") } else { "—".to_owned() };
        Some(vec![format!("`{}`", contestant.name), client, server(row.server_us), server(row.commands_us)])
    });
    text += "\nThe cost of one validation, in microseconds of processor time, at 64 callers:\n";
    text += &table(&["", "client", "server", "of that, commands (`INFO commandstats`)"], used);

    let about =
        found.contestants.iter().map(|contestant| format!("- `{}`: {}\n", contestant.name, contestant.about));
    text += &format!(
        "\nThe subjects:\n\n{}\nCrates: {}. Python: see `bench/peers/requirements.txt`.\n",
        about.collect::<String>(),
        found.crates.join(", ")
    );

    let shown = [
        FLOOR,
        "ours/hard",
        "ours/sliding",
        "ours/capped",
        "peer/fred",
        "peer/tower-sessions-redis",
        "peer/axum-session-redis",
        PER_CALL,
    ];
    let lines = shown.iter().map(|&name| Line {
        name: name.to_owned(),
        values: callers.iter().map(|&callers| row(name, callers).map(|row| row.per_second.median)).collect(),
    });
    let plot = Plot {
        title: "Validations a second",
        x: "callers at once",
        y: "per second",
        at: callers.iter().map(usize::to_string).collect(),
        log_y: false,
        lines: lines.collect(),
    };
    text += &picture("validate", "Validations a second by callers");
    Ok(Section { text, plots: vec![("validate", plot.draw()?)] })
}

/// A plot in the text.
pub(super) fn picture(name: &str, what: &str) -> String {
    format!("\n![{what}](performance/{name}.svg)\n")
}

/// `embedded`
pub(super) fn embedded(found: &Embedded) -> Outcome<Section> {
    let callers = distinct(found.rows.iter().map(|row| row.callers));
    let mut names: Vec<&str> = found.rows.iter().map(|row| row.name.as_str()).collect();
    names.dedup();
    names.truncate(found.rows.len() / callers.len().max(1));
    let cell = |name: &str, callers: usize| {
        let row = found.rows.iter().find(|row| row.name == name && row.callers == callers);
        row.map_or_else(|| "—".to_owned(), |row| spread(&row.per_second))
    };
    let mut head = vec!["a second, by callers at once".to_owned()];
    head.extend(callers.iter().map(usize::to_string));
    let head: Vec<&str> = head.iter().map(String::as_str).collect();
    let rows = names.iter().map(|&name| {
        let cells = callers.iter().map(|&callers| cell(name, callers));
        std::iter::once(name.to_owned()).chain(cells).collect()
    });
    let text = format!(
        "The embedded store\n\nMedian of {} laps of {} ms, in turns, on {} tokens of each kind, in separate files. `hard` validates tokens with a fixed lifetime, which only reads; `sliding` validates tokens that every use renews, which writes without waiting for the disk; `issue and revoke` is two changes, each of which is on the disk before it is acknowledged.\n{}",
        found.rounds,
        found.lap_ms,
        count(found.tokens as f64),
        table(&head, rows)
    );
    Ok(Section { text, plots: Vec::new() })
}

/// `auth`
pub(super) fn auth(rows: &[AuthRow]) -> Outcome<Section> {
    let names = distinct(rows.iter().map(|row| row.name.as_str()));
    let connections = distinct(rows.iter().map(|row| row.connections));
    let at =
        |name: &str, connections| rows.iter().find(|row| row.name == name && row.connections == connections);
    let bare = names.first().copied().unwrap_or_default();
    let cells = connections.iter().flat_map(|&connections| {
        names.iter().filter_map(move |&name| {
            let (row, base) = (at(name, connections)?, at(bare, connections)?);
            Some(vec![
                connections.to_string(),
                name.to_owned(),
                spread(&row.per_second),
                count(row.p50_us),
                count(row.p99_us),
                ratio(row.per_second.median, base.per_second.median),
            ])
        })
    });
    let mut text = format!(
        "`/auth` over HTTP\n\n`wrk` with sliding tokens, in turns, against `token-cli serve` with a key file and against an axum handler that only sends one raw multiplexed EVALSHA. The goal is 0.85. With `--cache` most requests are answered without Redis: this is no direct comparison, but shows what is possible.\n{}",
        table(&["connections", "", "requests a second", "p50 µs", "p99 µs", "of the bare handler"], cells)
    );
    let lines = names.iter().map(|&name| Line {
        name: name.to_owned(),
        values: connections
            .iter()
            .map(|&connections| at(name, connections).map(|row| row.per_second.median))
            .collect(),
    });
    let plot = Plot {
        title: "Requests a second at /auth",
        x: "connections",
        y: "per second",
        at: connections.iter().map(usize::to_string).collect(),
        log_y: false,
        lines: lines.collect(),
    };
    text += &picture("auth", "Requests a second by connections");
    Ok(Section { text, plots: vec![("auth", plot.draw()?)] })
}

/// `latency`
pub(super) fn latency(rows: &[LatencyRow]) -> Outcome<Section> {
    let cells = rows.iter().map(|row| {
        vec![
            count(row.per_second.into()),
            format!("`{}`", row.name),
            micros(row.p50_us.median),
            micros(row.p99_us.median),
            micros(row.p999_us.median),
            if row.not_started > 0.0 { format!("{:.1} %", row.not_started * 100.0) } else { "0".to_owned() },
        ]
    });
    let mut text = format!(
        "Latency at fixed rates\n\nCalls start at a fixed rate whether or not earlier ones have ended, and latency counts from when a call was due. Microseconds, medians of the rounds. If calls could not be started, the subject cannot keep up with the rate: its latencies then depend on the duration of the measurement.\n{}",
        table(&["calls a second", "", "p50", "p99", "p99.9", "not started"], cells)
    );
    let rates = distinct(rows.iter().map(|row| row.per_second));
    let by_name: BTreeMap<&str, Vec<&LatencyRow>> = rows.iter().fold(BTreeMap::new(), |mut all, row| {
        all.entry(row.name.as_str()).or_insert_with(Vec::new).push(row);
        all
    });
    let line = |name: String, rows: &[&LatencyRow], what: fn(&LatencyRow) -> f64| Line {
        name,
        values: rates
            .iter()
            .map(|&rate| rows.iter().find(|row| row.per_second == rate).map(|row| what(row)))
            .collect(),
    };
    let lines = by_name.iter().flat_map(|(name, rows)| {
        [
            line(format!("{name} p50"), rows, |row| row.p50_us.median),
            line(format!("{name} p99"), rows, |row| row.p99_us.median),
        ]
    });
    let plot = Plot {
        title: "Latency at fixed rates",
        x: "calls a second",
        y: "microseconds",
        at: rates.iter().map(|&rate| count(rate.into())).collect(),
        log_y: true,
        lines: lines.collect(),
    };
    text += &picture("latency", "Latency by rate");
    Ok(Section { text, plots: vec![("latency", plot.draw()?)] })
}

/// `micro`
pub(super) fn micro(rows: &[MicroRow]) -> Outcome<Section> {
    let cells = rows.iter().map(|row| {
        let budget = row.budget_ns.map_or("—".into(), |budget| format!("{budget:.0}"));
        vec![
            row.name.clone(),
            format!("{:.0}", row.ns),
            format!("{:.0} – {:.0}", row.ns_from, row.ns_to),
            budget,
        ]
    });
    let text = format!(
        "The local steps of a validation\n\nNanoseconds, on one thread unless stated otherwise, by criterion: the median, and its 95 % confidence interval. The goal of a local cache is ten million uses a second on two threads.\n{}",
        table(&["", "ns", "between", "budget"], cells)
    );
    Ok(Section { text, plots: Vec::new() })
}
