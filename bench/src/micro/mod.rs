//! `micro`: the cost of each local step of a validation, on one thread unless stated otherwise.

mod hits;

use std::fs;
use std::hint::black_box;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use criterion::{Bencher, Criterion};
use serde::{Deserialize, Serialize};
use tempfile::TempDir;
use token_core::spi::{Clock, Place, Record, SubjectHash, SystemClock, TokenFormat};
use token_core::{Access, IssueRequest, KeyRing, Prefix, RequiredPermission, Scope, Scopes, TokenId, os_rng};

use self::hits::Hits;
use crate::arena::{capped, request};
use crate::contestants::ours::ring;
use crate::outcome::{Outcome, failure};
use crate::results::Docs;

/// The number of scopes of the token in the scope comparison.
const SCOPES: u128 = 8;
/// The depth of the required node.
const DEPTH: u128 = 6;

/// A step.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct MicroRow {
    pub(crate) name: String,
    pub(crate) ns: f64,
    /// The bounds between which the median lies with 95 % confidence.
    pub(crate) ns_from: f64,
    pub(crate) ns_to: f64,
    /// The promised maximum, if there is one.
    pub(crate) budget_ns: Option<f64>,
}

/// The results of a benchmark that criterion saves.
#[derive(Deserialize)]
struct Estimates {
    median: Estimate,
}

#[derive(Deserialize)]
struct Estimate {
    point_estimate: f64,
    confidence_interval: Interval,
}

#[derive(Deserialize)]
struct Interval {
    lower_bound: f64,
    upper_bound: f64,
}

/// The measurements so far.
struct Stopwatch {
    criterion: Criterion,
    folder: TempDir,
    rows: Vec<MicroRow>,
}

impl Stopwatch {
    fn new() -> Outcome<Self> {
        let folder = tempfile::tempdir()?;
        let criterion = Criterion::default()
            .output_directory(folder.path())
            .without_plots()
            .warm_up_time(Duration::from_millis(500))
            .measurement_time(Duration::from_secs(2));
        Ok(Self { criterion, folder, rows: Vec::new() })
    }

    fn step(&mut self, name: &str, budget_ns: Option<f64>, mut step: impl FnMut()) -> Outcome<()> {
        self.measure(name, budget_ns, &mut |bencher| bencher.iter(&mut step))
    }

    fn measure(
        &mut self,
        name: &str,
        budget_ns: Option<f64>,
        routine: &mut dyn FnMut(&mut Bencher<'_>),
    ) -> Outcome<()> {
        self.criterion.bench_function(name, routine);
        self.rows.push(read(self.folder.path(), name, budget_ns)?);
        Ok(())
    }
}

/// Measures, prints and saves the results. It blocks its thread.
pub(crate) async fn run(docs: &Docs) -> Outcome<()> {
    let mut watch = Stopwatch::new()?;
    steps(&mut watch)?;
    let hits = Hits::open().await?;
    hits.warm().await?;
    let mut number = 0;
    watch.step("answer a use from the local cache", Some(150.0), || {
        number += 1;
        hits.hit(number);
    })?;
    hits.all_were()?;
    let by_two = "the same on two threads: time for each use of either";
    watch.measure(by_two, Some(100.0), &mut |bencher| bencher.iter_custom(|uses| hits.by_two(uses)))?;
    hits.all_were()?;
    docs.keep("micro", watch.rows)
}

fn steps(watch: &mut Stopwatch) -> Outcome<()> {
    let keys = Arc::new(ring()?);
    let format = TokenFormat::new(Prefix::default(), keys.clone());
    let asked = request(0, capped()?)?;
    let token = format.generate(SubjectHash::of(&asked.subject).partition, &mut os_rng()?);
    let (text, id) = (token.expose_secret(), token.id());
    watch.step("parse, check and hash a token", Some(400.0), || {
        _ = black_box(format.parse(black_box(text)));
    })?;
    let mistyped = text.get(..text.len() - 1).unwrap_or_default().to_owned() + "\u{7f}";
    watch.step("refuse what has not the form of a token", Some(250.0), || {
        _ = black_box(format.parse(black_box(&mistyped)));
    })?;
    let foreign = TokenFormat::new(Prefix::default(), Arc::new(KeyRing::public()));
    let foreign = foreign.generate(id.partition(), &mut os_rng()?);
    watch.step("refuse a token of another deployment", Some(250.0), || {
        _ = black_box(format.parse(black_box(foreign.expose_secret())));
    })?;
    let invented = invent(text);
    watch.step("refuse an invented token, whose check does not fit", Some(250.0), || {
        _ = black_box(format.parse(black_box(&invented)));
    })?;
    watch.step("read and verify a record", None, decoding(&asked, id, keys.clone()))?;
    watch.step("read and verify a record of 8 scopes", None, decoding(&scoped(&asked)?, id, keys))?;
    let access = scoped(&asked)?.access;
    let requirement = RequiredPermission::new(scope(u128::MAX)?)
        .with_ancestors((1..DEPTH).map(|n| node(SCOPES + n)).chain([node(SCOPES - 1)]));
    watch.step("decide on a scope, 6 folders deep, among 8", None, || {
        black_box(access.covers(black_box(&requirement)));
    })?;
    watch.step("make a token, randomness included", None, || {
        if let Ok(mut rng) = os_rng() {
            drop(black_box(format.generate(id.partition(), &mut rng)));
        }
    })
}

fn read(folder: &Path, name: &str, budget_ns: Option<f64>) -> Outcome<MicroRow> {
    let all = fs::read_dir(folder)?.filter_map(Result::ok);
    let newest = all.filter_map(|entry| {
        let benchmark: serde_json::Value =
            serde_json::from_slice(&fs::read(entry.path().join("new/benchmark.json")).ok()?).ok()?;
        (benchmark.get("full_id")?.as_str()? == name).then(|| entry.path().join("new/estimates.json"))
    });
    let file = newest.last().ok_or_else(|| failure(format!("criterion kept nothing of {name:?}")))?;
    let Estimates { median } = serde_json::from_slice(&fs::read(file)?)?;
    let Interval { lower_bound, upper_bound } = median.confidence_interval;
    let name = name.to_owned();
    Ok(MicroRow { name, ns: median.point_estimate, ns_from: lower_bound, ns_to: upper_bound, budget_ns })
}

/// The same text with another secret: its form is correct.
fn invent(text: &str) -> String {
    let mut bytes = text.as_bytes().to_vec();
    if let Some(byte) = bytes.get_mut(20) {
        *byte = if *byte == b'a' { b'b' } else { b'a' };
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

fn decoding(request: &IssueRequest, id: TokenId, keys: Arc<KeyRing>) -> impl FnMut() + use<> {
    let record = Record::new(request, SystemClock.now()).encode(Place::of(id), &keys);
    move || drop(black_box(Record::decode(Place::of(id), black_box(&record), &keys)))
}

fn scoped(request: &IssueRequest) -> Outcome<IssueRequest> {
    let scopes = (0..SCOPES).map(scope).collect::<Outcome<Vec<_>>>()?;
    Ok(IssueRequest { access: Access::Restricted(Scopes::new(scopes)?), ..request.clone() })
}

fn scope(n: u128) -> Outcome<Scope> {
    Ok(format!("node:{}:r", node(n)).parse()?)
}

fn node(n: u128) -> uuid::Uuid {
    uuid::Uuid::from_u128(n)
}
