//! The sections on nodes, primaries, the number of tokens, and memory.

use super::Section;
use super::plots::{Line, Plot};
use super::speed::picture;
use super::tables::{count, ratio, spread, table};
use crate::growth::GrowthRow;
use crate::memory::MemoryRow;
use crate::nodes::NodesRow;
use crate::outcome::Outcome;

/// `nodes`
pub(super) fn nodes(rows: &[NodesRow]) -> Outcome<Section> {
    let first = |primaries| {
        rows.iter().find(|row| row.primaries == primaries).map_or(0.0, |row| row.per_second.median)
    };
    let cells = rows.iter().map(|row| {
        vec![
            row.nodes.to_string(),
            row.primaries.to_string(),
            spread(&row.per_second),
            ratio(row.per_second.median, first(row.primaries)),
        ]
    });
    let mut text = format!(
        "Nodes and primaries\n\n256 callers in this number of validating processes, on one server and on a cluster of three primaries with a replica each. All of them, including the servers, share the cores of this machine: if these are busy, more processes only add cost.\n{}",
        table(&["nodes", "primaries", "validations a second", "of one node"], cells)
    );
    let nodes: Vec<usize> = rows.iter().filter(|row| row.primaries == 1).map(|row| row.nodes).collect();
    let lines = [1, 3].map(|primaries| Line {
        name: if primaries == 1 { "1 primary".to_owned() } else { format!("{primaries} primaries") },
        values: nodes
            .iter()
            .map(|&nodes| rows.iter().find(|row| row.nodes == nodes && row.primaries == primaries))
            .map(|row| row.map(|row| row.per_second.median))
            .collect(),
    });
    let plot = Plot {
        title: "Validations a second, by nodes",
        x: "validating processes",
        y: "per second",
        at: nodes.iter().map(usize::to_string).collect(),
        log_y: false,
        lines: lines.into(),
    };
    text += &picture("nodes", "Validations a second by nodes");
    Ok(Section { text, plots: vec![("nodes", plot.draw()?)] })
}

/// `growth`
pub(super) fn growth(rows: &[GrowthRow]) -> Outcome<Section> {
    let at =
        |row: &GrowthRow, name: &str| row.rows.iter().find(|row| row.name == name).map(|row| row.per_second);
    let cells = rows.iter().filter_map(|row| {
        let (ours, floor) = (at(row, "ours/capped")?, at(row, "floor/evalsha")?);
        Some(vec![count(row.tokens as f64), spread(&ours), spread(&floor), ratio(ours.median, floor.median)])
    });
    let mut text = format!(
        "Tokens in the store\n\n64 callers. The floor always uses the same thousand records, so that changes in the speed of the machine show, too.\n{}",
        table(&["tokens", "`ours/capped` a second", "`floor/evalsha` a second", "ratio"], cells)
    );
    let lines = ["ours/capped", "floor/evalsha"].map(|name| Line {
        name: name.to_owned(),
        values: rows.iter().map(|row| at(row, name).map(|spread| spread.median)).collect(),
    });
    let plot = Plot {
        title: "Validations a second, by tokens in the store",
        x: "tokens",
        y: "per second",
        at: rows.iter().map(|row| count(row.tokens as f64)).collect(),
        log_y: false,
        lines: lines.into(),
    };
    text += &picture("growth", "Validations a second by tokens in the store");
    Ok(Section { text, plots: vec![("growth", plot.draw()?)] })
}

/// `memory`
pub(super) fn memory(rows: &[MemoryRow]) -> Outcome<Section> {
    let cells = rows.iter().map(|row| {
        let bytes = [row.bytes_each, row.data_each].map(|bytes| format!("{bytes:.0}"));
        [row.name.clone(), count(row.tokens as f64)].into_iter().chain(bytes).collect()
    });
    let text = format!(
        "Memory\n\nBytes for each token or session: of Redis' `used_memory`, and of `used_memory_dataset`, which excludes the tables of keys and of TTLs. The goal is 300 of the latter with five tokens per user. Only our store can list and revoke all tokens of a user: this is the purpose of its index.\n{}",
        table(&["", "how many", "bytes each", "of data"], cells)
    );
    Ok(Section { text, plots: Vec::new() })
}
