//! `auth`: requests per second at `/auth` of `token-cli serve`, and at a bare handler, measured with `wrk` in turns.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use token_core::KeyRing;
use token_tests::programs::{Daemon, program};
use token_tests::servers::Server;
use tokio::process::Command;

use crate::arena::{Arena, Texts, issue, service, sliding, write_bare};
use crate::contestants::ours::key_file;
use crate::outcome::{Outcome, failure};
use crate::results::Docs;
use crate::spread::Spread;

const CONNECTIONS: [usize; 4] = [1, 16, 64, 256];
const TOKENS: usize = 5_000;
const ROUNDS: usize = 5;
const LAP: Duration = Duration::from_secs(2);
const WARM: Duration = Duration::from_secs(1);
/// The number of threads of `wrk`, if there are as many connections.
const THREADS: usize = 2;

/// The script of `wrk`: it sends the tokens of the file in turn, starting at another one in each thread, and counts responses
/// other than 200.
const SCRIPT: &str = r#"
local tokens, threads = {}, 0
for line in io.lines(os.getenv("BENCH_TOKENS")) do tokens[#tokens + 1] = "Bearer " .. line end
function setup(thread) thread:set("first", threads) threads = threads + 1 end
function init() at, head = first * 1009, {} end
function request()
  at = at + 1
  head["Authorization"] = tokens[at % #tokens + 1]
  return wrk.format("GET", "/auth", head)
end
function done(summary, latency)
  local errors = summary.errors
  local bad = errors.connect + errors.read + errors.write + errors.status + errors.timeout
  print(string.format("BENCH %d %d %d %d %d", summary.requests, summary.duration, bad,
    latency:percentile(50), latency:percentile(99)))
end
"#;

/// A server at this number of connections.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct AuthRow {
    pub(crate) name: String,
    pub(crate) connections: usize,
    pub(crate) per_second: Spread,
    pub(crate) p50_us: f64,
    pub(crate) p99_us: f64,
}

/// A server that is measured.
struct Door {
    name: &'static str,
    daemon: Daemon,
    tokens: PathBuf,
}

/// Measures, prints and saves the results.
pub(crate) async fn run(docs: &Docs) -> Outcome<()> {
    let wrk = program("wrk", "wrk");
    let command = serve_program()?;
    let arena = Arena::open(TOKENS).await;
    let folder = tempfile::tempdir()?;
    let script = folder.path().join("wrk.lua");
    fs::write(&script, SCRIPT)?;
    let (keys, tokens) = (token_file(&arena, folder.path()).await?, folder.path().join("tokens"));
    let sidecar = Sidecar { command, url: arena.server.url(), keys, tokens };
    let doors = [
        bare(&arena, folder.path()).await?,
        sidecar.serve("token-cli serve", &[], &[]).await,
        sidecar.serve("token-cli serve, TOKEN_LOG=warn", &["TOKEN_LOG=warn"], &[]).await,
        sidecar.serve("token-cli serve --cache", &[], &["--cache"]).await,
    ];

    let mut rows = Vec::new();
    for connections in CONNECTIONS {
        for door in &doors {
            ask(&wrk, &script, door, connections, WARM).await?;
        }
        let mut laps = [const { Vec::new() }; 4];
        for round in 0..ROUNDS {
            for turn in 0..doors.len() {
                let who = (turn + round) % doors.len();
                if let (Some(door), Some(laps)) = (doors.get(who), laps.get_mut(who)) {
                    laps.push(ask(&wrk, &script, door, connections, LAP).await?);
                }
            }
        }
        for (door, laps) in doors.iter().zip(laps) {
            let row = row(door.name, connections, &laps);
            println!(
                "{:<22}{connections:>5} connections {:>10.0}/s ±{:.1}%  p50 {:.0} µs  p99 {:.0} µs",
                row.name,
                row.per_second.median,
                row.per_second.share() * 100.0,
                row.p50_us,
                row.p99_us
            );
            rows.push(row);
        }
    }
    docs.keep("auth", rows)
}

fn row(name: &str, connections: usize, laps: &[Asked]) -> AuthRow {
    let spread = |what: fn(&Asked) -> f64| Spread::of(laps.iter().map(what));
    AuthRow {
        name: name.to_owned(),
        connections,
        per_second: spread(|asked| asked.requests / asked.seconds),
        p50_us: spread(|asked| asked.p50_us).median,
        p99_us: spread(|asked| asked.p99_us).median,
    }
}

async fn bare(arena: &Arena, folder: &Path) -> Outcome<Door> {
    let keys = write_bare(&mut arena.multiplexed().await?, "dor", TOKENS).await?;
    let tokens = folder.join("keys");
    fs::write(&tokens, keys.join("\n"))?;
    let (url, own) = (arena.server.url(), std::env::current_exe()?);
    let daemon = Daemon::start(&own, |port| {
        ["door", "--redis", &url, "--port", &port.to_string()].map(str::to_owned).to_vec()
    });
    Ok(Door { name: "bare axum handler", daemon: daemon.await, tokens })
}

/// A key file, and its tokens in a file beside it.
async fn token_file(arena: &Arena, folder: &Path) -> Outcome<PathBuf> {
    let keys = folder.join("store.keys");
    let text = key_file()?;
    private(&keys, &text)?;
    private(&folder.join("tokens"), &issue_for(&arena.server, &text).await?.join("\n"))?;
    Ok(keys)
}

/// Starts the command.
struct Sidecar {
    command: PathBuf,
    url: String,
    keys: PathBuf,
    tokens: PathBuf,
}

impl Sidecar {
    /// By default it writes a line to its access log for each request, here to a file.
    async fn serve(&self, name: &'static str, environment: &[&str], flags: &[&str]) -> Door {
        let daemon = Daemon::start(Path::new("/usr/bin/env"), |port| {
            let (program, keys) = (self.command.display().to_string(), self.keys.display().to_string());
            let listen = format!("127.0.0.1:{port}");
            let own = [&program, "serve", "--store", &self.url, "--key-file", &keys, "--listen", &listen];
            environment.iter().chain(&own).chain(flags).map(|&word| word.to_owned()).collect()
        });
        Door { name, daemon: daemon.await, tokens: self.tokens.clone() }
    }
}

async fn issue_for(server: &Server, keys: &str) -> Outcome<Texts> {
    issue(&service(&server.url(), KeyRing::parse(keys)?).await?, sliding()?, TOKENS).await
}

/// A file that only this user can read.
fn private(file: &Path, text: &str) -> Outcome<()> {
    use std::io::Write;
    use std::os::unix::fs::OpenOptionsExt;
    let mut file = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(file)?;
    Ok(file.write_all(text.as_bytes())?)
}

/// The result of `wrk`.
struct Asked {
    requests: f64,
    seconds: f64,
    p50_us: f64,
    p99_us: f64,
}

async fn ask(wrk: &Path, script: &Path, door: &Door, connections: usize, time: Duration) -> Outcome<Asked> {
    let threads = connections.min(THREADS).to_string();
    let mut command = Command::new(wrk);
    command.args(["-t", &threads, "-c", &connections.to_string(), "-d", &format!("{}s", time.as_secs())]);
    command.arg("-s").arg(script).arg(format!("{}/auth", door.daemon.url()));
    command.env("BENCH_TOKENS", &door.tokens);
    let output = command.kill_on_drop(true).output().await?;
    let said = String::from_utf8_lossy(&output.stdout);
    let line = said.lines().find_map(|line| line.strip_prefix("BENCH "));
    let numbers: Vec<f64> =
        line.unwrap_or_default().split(' ').filter_map(|number| number.parse().ok()).collect();
    match *numbers.as_slice() {
        [requests, micros, 0.0, p50_us, p99_us] if requests > 0.0 => {
            Ok(Asked { requests, seconds: micros / 1e6, p50_us, p99_us })
        }
        _ => Err(failure(format!("wrk met errors at {}: {said}{}", door.name, door.daemon.said()))),
    }
}

/// The release build of the command, beside this program; it is built if it is missing or older.
fn serve_program() -> Outcome<PathBuf> {
    let mut build = std::process::Command::new(option_env!("CARGO").unwrap_or("cargo"));
    build.args(["build", "--quiet", "--locked", "--package", "token-cli"]);
    if !cfg!(debug_assertions) {
        build.arg("--release");
    }
    let built = build.current_dir(env!("CARGO_MANIFEST_DIR")).status()?;
    let beside = std::env::current_exe()?.with_file_name("token-cli");
    if built.success() && beside.is_file() {
        return Ok(beside);
    }
    Err(failure(format!("token-cli could not be built to {}", beside.display())))
}
