//! `report`: generates the document and its plots from the results beside it.

mod growing;
mod plots;
mod revoking;
mod speed;
mod tables;

use std::fs;

use serde::de::DeserializeOwned;

use crate::auth::AuthRow;
use crate::embedded::Embedded;
use crate::growth::GrowthRow;
use crate::latency::LatencyRow;
use crate::machine::Machine;
use crate::memory::MemoryRow;
use crate::micro::MicroRow;
use crate::nodes::NodesRow;
use crate::outcome::Outcome;
use crate::results::{Docs, Taken};

/// A section of the document: its name, its text, and its plots by file name.
struct Section {
    text: String,
    plots: Vec<(&'static str, String)>,
}

/// Writes `performance.md` and the plots.
pub(crate) fn write(docs: &Docs) -> Outcome<()> {
    let (text, plots) = render(docs)?;
    fs::write(docs.file("performance.md")?, text)?;
    for (name, plot) in plots {
        fs::write(docs.file(&format!("performance/{name}.svg"))?, plot)?;
    }
    Ok(())
}

/// The document and its plots.
fn render(docs: &Docs) -> Outcome<(String, Vec<(&'static str, String)>)> {
    let mut document = Document { docs, machines: Vec::new(), text: String::new(), plots: Vec::new() };
    document.part("validate", speed::validations)?;
    document.part("embedded", |found: &Embedded| speed::embedded(found))?;
    document.part("auth", |rows: &Vec<AuthRow>| speed::auth(rows))?;
    document.part("latency", |rows: &Vec<LatencyRow>| speed::latency(rows))?;
    document.part("micro", |rows: &Vec<MicroRow>| speed::micro(rows))?;
    document.part("nodes", |rows: &Vec<NodesRow>| growing::nodes(rows))?;
    document.part("revocation", revoking::revocation)?;
    document.part("growth", |rows: &Vec<GrowthRow>| growing::growth(rows))?;
    document.part("memory", |rows: &Vec<MemoryRow>| growing::memory(rows))?;
    let text = format!("{}{}{}", INTRODUCTION, machines(&document.machines), document.text);
    Ok((text, document.plots))
}

const INTRODUCTION: &str = "\
# Performance

`cargo run --release -p token-bench -- all` writes this page from the results in `docs/performance/`. `bench/README.md` explains
how it measures and what each row means. Client, server and load share one machine: read ratios within a table, not the
absolute numbers.
";

struct Document<'a> {
    docs: &'a Docs,
    machines: Vec<Machine>,
    text: String,
    plots: Vec<(&'static str, String)>,
}

impl Document<'_> {
    /// Adds a section, if it has been measured.
    fn part<T: DeserializeOwned>(&mut self, name: &str, section: fn(&T) -> Outcome<Section>) -> Outcome<()> {
        let Some(Taken { command, machine, result }) = self.docs.kept(name)? else { return Ok(()) };
        let Section { text, plots } = section(&result)?;
        let (title, rest) = text.split_once('\n').unwrap_or((&text, ""));
        self.text += &format!("\n## {title}\n\n`{command}`, {}, {}\n{rest}", machine.day, machine.processor);
        self.plots.extend(plots);
        if !self.machines.iter().any(|known| same(known, &machine)) {
            self.machines.push(machine);
        }
        Ok(())
    }
}

fn same(one: &Machine, other: &Machine) -> bool {
    Machine { day: String::new(), ..one.clone() } == Machine { day: String::new(), ..other.clone() }
}

fn machines(machines: &[Machine]) -> String {
    let rows = machines.iter().map(|machine| {
        let Machine { processor, cores, memory_gib, system, redis, compiler, .. } = machine;
        let machine = format!("{processor}, {cores} cores, {memory_gib} GiB, {system}");
        let redis = redis.split(' ').take(3).collect::<Vec<_>>().join(" ");
        vec![machine, redis, compiler.split(" (").next().unwrap_or_default().to_owned()]
    });
    tables::table(&["machine", "server", "compiler"], rows)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The document in the repository is generated from the current results, without manual changes.
    #[test]
    fn the_document_in_the_repository_matches_its_results() {
        let docs = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs");
        let (text, plots) = render(&Docs::at(&docs)).unwrap();
        let is = |name: &str, wanted: &str| {
            let found = fs::read_to_string(docs.join(name)).unwrap();
            assert!(found == wanted, "{name}: run cargo run --release -p token-bench -- report");
        };
        is("performance.md", &text);
        for (name, plot) in plots {
            is(&format!("performance/{name}.svg"), &plot);
        }
    }
}
