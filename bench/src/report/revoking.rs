//! The section on how soon a revocation reaches all nodes.

use super::Section;
use super::plots::{Line, Plot};
use super::speed::picture;
use super::tables::{count, table};
use crate::outcome::Outcome;
use crate::revocation::{Quantiles, RevocationRow, Revocations};

/// `revocation`
pub(super) fn revocation(found: &Revocations) -> Outcome<Section> {
    let Revocations { bound_ms, pace_ms, rounds, rows } = found;
    let mut text = format!(
        "Revocation, with local caches\n\nNodes that answer for Δ = {bound_ms} ms from their caches, all of them stores in one process and timed by one clock, use tokens continuously while tokens are revoked, one every {pace_ms} ms. Milliseconds from the acknowledgement of a revocation to the start of the last use that a node accepted, 0 if there is none; for each node, and for the slowest node of each revocation. \"Refused\" is the time to the start of the next use, which was not accepted: the real delay is between the two, because a token is used only every few milliseconds. \"Late\" counts uses that were accepted more than Δ after the acknowledgement, and must be 0. The goal is 50 ms at p99 without a fault. Each fault happens {rounds} times, a failover once; links are broken for three seconds (a stalled link forwards nothing and stays open), and the server is stopped (SIGSTOP) for two. A revocation counts on the nodes on which the token was in use before, and was used again after Δ.\n{}",
        table(HEAD, rows.iter().map(cells))
    );
    let mut lines: Vec<Line> =
        rows.iter().map(|row| Line { name: row.name.clone(), values: distribution(&row.delay) }).collect();
    let bound = Some(*bound_ms as f64 * 1000.0);
    lines.push(Line { name: format!("Δ = {bound_ms} ms"), values: vec![bound; SHARES.len()] });
    let plot = Plot {
        title: "Acceptance after a revocation was acknowledged",
        x: "share of nodes and revocations, %",
        y: "microseconds, 1 and less at the bottom",
        at: SHARES.map(str::to_owned).into(),
        log_y: true,
        lines,
    };
    text += &picture("revocation", "How long after its revocation a token is accepted");
    Ok(Section { text, plots: vec![("revocation", plot.draw()?)] })
}

const HEAD: &[&str] = &[
    "",
    "nodes",
    "revocations",
    "nodes × revocations that count",
    "p50",
    "p99",
    "max",
    "slowest node p99",
    "refused p99",
    "late",
];
const SHARES: [&str; 5] = ["50", "90", "99", "99.9", "100"];

fn cells(row: &RevocationRow) -> Vec<String> {
    let RevocationRow { name, nodes, revocations, watched, delay, refused, slowest, late, .. } = row;
    let millis = |us: f64| format!("{:.1}", us / 1000.0);
    vec![
        name.clone(),
        nodes.to_string(),
        revocations.to_string(),
        count(*watched as f64),
        millis(delay.p50_us),
        millis(delay.p99_us),
        millis(delay.max_us),
        millis(slowest.p99_us),
        millis(refused.p99_us),
        late.to_string(),
    ]
}

/// The values at [`SHARES`]. Zero has no logarithm, so it is shown as one microsecond.
fn distribution(delay: &Quantiles) -> Vec<Option<f64>> {
    let Quantiles { p50_us, p90_us, p99_us, p999_us, max_us } = *delay;
    [p50_us, p90_us, p99_us, p999_us, max_us].map(|us| Some(us.max(1.0))).into()
}
