//! The corpus: bytes that were written by some version and must stay readable. Lines are added and never changed.
//!
//! After a new sample, `CORPUS=append cargo test -p token-core corpus` adds its line.

use std::path::PathBuf;

use serde_json::Value;

use super::*;
use crate::{Lifetime, Revocation, Tombstone};

const NAMESPACE: &str = "tok";
const BITS: u128 = 77;

fn keys() -> KeyRing {
    KeyRing::parse(&format!("1 {}", "07".repeat(32))).unwrap()
}

fn request(subject: &str, scopes: &[&str], lifetime: Lifetime) -> IssueRequest {
    let scopes = scopes.iter().map(|text| text.parse().unwrap()).collect();
    IssueRequest::new(subject.parse().unwrap(), Access::from_scopes(scopes).unwrap(), lifetime)
}

/// The samples in the corpus, by name.
fn samples() -> Vec<(&'static str, IssueRequest)> {
    let span = |text: &str| text.parse().unwrap();
    let scopes =
        ["node:6f9619ff-8b86-d011-b42d-00cf4fc964ff:r", "node:11111111-2222-3333-4444-555555555555:rw"];
    let mut named = request("Zoë / operations", &scopes, Lifetime::capped(span("10m"), span("28d")).unwrap());
    named.label = Some("nightly backup".parse().unwrap());
    named.issuer = Some("root".parse().unwrap());
    vec![
        ("hard", request("admin", &[], Lifetime::hard(span("24h")))),
        ("sliding", request("ci", &scopes[..1], Lifetime::sliding(span("10m")))),
        ("capped", named),
    ]
}

/// A line of the corpus: a name, the token id, the bytes, and their meaning as JSON.
struct Line {
    name: String,
    id: TokenId,
    bytes: Vec<u8>,
    json: Value,
}

impl Line {
    fn parse(line: &str) -> Self {
        let [name, id, hex, json] = line.splitn(4, '\t').collect::<Vec<_>>()[..] else { panic!("{line}") };
        let pairs = hex.as_bytes().as_chunks::<2>().0;
        let byte = |pair: &[u8; 2]| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap();
        Self {
            name: name.into(),
            id: id.parse().unwrap(),
            bytes: pairs.iter().map(byte).collect(),
            json: serde_json::from_str(json).unwrap(),
        }
    }

    fn text(&self) -> String {
        let hex: String = self.bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        format!("{}\t{}\t{hex}\t{}\n", self.name, self.id, self.json)
    }

    fn place(&self) -> Place<'_> {
        Place { namespace: NAMESPACE, id: self.id }
    }

    /// The meaning of the bytes as this program reads them.
    fn read(&self) -> Value {
        if self.name.starts_with("tombstone") {
            let tombstone = Tombstone::decode(self.place(), &self.bytes, &keys()).unwrap();
            return serde_json::to_value(tombstone).unwrap();
        }
        let record = Record::decode(self.place(), &self.bytes, &keys()).unwrap();
        assert_eq!(record.encode(self.place(), &keys()), self.bytes, "{} is written as it was", self.name);
        serde_json::to_value(record.into_grant(self.id, Timestamp::from_millis(1_900_000_000_000))).unwrap()
    }
}

/// The lines that this program writes for the samples: each a record, and its tombstone.
fn written() -> Vec<Line> {
    let now = Timestamp::from_millis(1_800_000_000_000);
    let revocation =
        Revocation { by: Some("root".parse().unwrap()), why: Some("laptop lost".parse().unwrap()) };
    let lines = samples().into_iter().flat_map(|(name, request)| {
        let record = Record::new(&request, now);
        let id = TokenId::new(SubjectHash::of(&request.subject).partition, BITS);
        let bytes = record.encode(Place { namespace: NAMESPACE, id }, &keys());
        let tombstone = Tombstone::to_bytes(now, &revocation.to_remark(), &bytes);
        [(format!("record-{name}"), bytes), (format!("tombstone-{name}"), tombstone)].map(|(name, bytes)| {
            let mut line = Line { name, id, bytes, json: Value::Null };
            line.json = line.read();
            line
        })
    });
    lines.collect()
}

fn path() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("corpus/format-2.tsv")
}

fn corpus() -> Vec<Line> {
    std::fs::read_to_string(path()).unwrap_or_default().lines().map(Line::parse).collect()
}

#[test]
fn bytes_of_every_version_keep_their_meaning() {
    for line in corpus() {
        assert_eq!(line.read(), line.json, "{}", line.name);
    }
}

#[test]
fn the_corpus_holds_every_sample() {
    let known: Vec<_> = corpus().into_iter().map(|line| line.name).collect();
    let missing: String =
        written().iter().filter(|line| !known.contains(&line.name)).map(Line::text).collect();
    if std::env::var_os("CORPUS").is_some_and(|value| value == "append") {
        let text = std::fs::read_to_string(path()).unwrap_or_default() + &missing;
        std::fs::write(path(), text).unwrap();
        return;
    }
    assert!(missing.is_empty(), "run this once more with CORPUS=append, and commit the lines:\n{missing}");
}

#[test]
fn a_record_keeps_its_bytes_across_versions() {
    let corpus = corpus();
    for now in written() {
        let then = corpus.iter().find(|line| line.name == now.name).unwrap();
        assert_eq!(now.text(), then.text());
    }
}
