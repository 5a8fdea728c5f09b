//! Runs the benchmark with laps of a few milliseconds, and checks its output, not the speed.

#![expect(clippy::unwrap_used, reason = "all of this is test code")]

use std::path::Path;
use std::process::Command;

use serde_json::Value;

/// Runs it, and returns its output.
fn bench(docs: &Path, arguments: &[&str]) -> String {
    let mut command = Command::new(env!("CARGO_BIN_EXE_token-bench"));
    let output = command.arg("--docs").arg(docs).args(arguments).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn the_quick_run_measures_every_subject_at_64_and_256_callers() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("rows.json");
    let short = ["validate", "--quick", "--tokens", "50", "--rounds", "2", "--lap-ms", "20", "--json"];
    bench(folder.path(), &[&short[..], &[file.to_str().unwrap()]].concat());

    let rows: Vec<Value> = serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap();
    let names = [
        "floor/evalsha",
        "floor/get",
        "ours/hard",
        "ours/sliding",
        "ours/capped",
        "peer/deadpool-per-call",
        "peer/fred",
        "peer/tower-sessions-redis",
        "peer/axum-session-redis",
    ];
    let wanted: Vec<_> =
        [64, 256].into_iter().flat_map(|callers| names.map(|name| (name, callers))).collect();
    let found: Vec<_> =
        rows.iter().map(|row| (row["name"].as_str().unwrap(), row["callers"].as_u64().unwrap())).collect();
    assert_eq!(found, wanted);
    for row in &rows {
        assert!(row["per_second"].as_f64().unwrap() > 0.0, "{row}");
        assert_eq!(row.as_object().unwrap().len(), 3, "{row}");
    }
    assert!(!folder.path().join("performance/validate.json").exists(), "no result for the document");
}

#[test]
fn revocations_are_watched_on_stalled_and_on_other_nodes() {
    let folder = tempfile::tempdir().unwrap();
    // It fails by itself if a revoked token is accepted later than promised.
    bench(folder.path(), &["revocation", "--nodes", "2", "--rounds", "1", "--only", "stalled"]);
    bench(folder.path(), &["report"]);

    let kept = std::fs::read(folder.path().join("performance/revocation.json")).unwrap();
    let kept: Value = serde_json::from_slice(&kept).unwrap();
    let rows = kept["result"]["rows"].as_array().unwrap();
    assert_eq!(rows.len(), 2);
    for row in rows {
        assert!(row["watched"].as_u64().unwrap() > 0 && row["late"].as_u64() == Some(0), "{row}");
    }
    let document = std::fs::read_to_string(folder.path().join("performance.md")).unwrap();
    assert!(document.contains("| stalled: the others |"), "{document}");
    assert!(folder.path().join("performance/revocation.svg").exists());
}

#[test]
fn the_report_has_tables_and_plots_for_light_and_dark_themes() {
    let folder = tempfile::tempdir().unwrap();
    let arguments = ["--tokens", "20", "--rounds", "1", "--lap-ms", "10", "--callers", "1,64"];
    bench(
        folder.path(),
        &[&["validate", "--only", "floor/evalsha,ours/hard", "--keep"][..], &arguments].concat(),
    );
    bench(folder.path(), &["report"]);

    let document = std::fs::read_to_string(folder.path().join("performance.md")).unwrap();
    for part in ["## Validations", "| `ours/hard` |", "| `floor/evalsha` |", "performance/validate.svg"] {
        assert!(document.contains(part), "{part}: {document}");
    }
    let plot = std::fs::read_to_string(folder.path().join("performance/validate.svg")).unwrap();
    assert!(plot.contains("prefers-color-scheme:dark") && plot.contains("currentColor"), "{plot}");
    assert!(!plot.contains("#FFFFFF") && !plot.contains("#010203"), "no ground of its own: {plot}");
}
