//! Redis' own load generator: the throughput of the server with one connection for each client.

use std::time::{Duration, Instant};

use futures_util::future::BoxFuture;
use token_tests::programs::program;
use tokio::process::Command;

use super::floor::{WINDOW, load_script};
use crate::arena::{Arena, bare_record};
use crate::contest::{Entry, Lap, Racer};
use crate::outcome::{Outcome, failure};

/// The keys end in twelve digits, which `redis-benchmark` substitutes for its placeholder.
const KEY: &str = "rbm:{000}:__rand_int__";

/// `floor/redis-benchmark-get`, `floor/redis-benchmark-evalsha`.
pub(crate) async fn enter(arena: &Arena) -> Outcome<Vec<Entry>> {
    let mut connection = arena.multiplexed().await?;
    let script = load_script(&mut connection).await?;
    for number in 0..arena.tokens {
        let (_, record) = bare_record(number, "rbm")?;
        redis::cmd("SET")
            .arg(format!("rbm:{{000}}:{number:012}"))
            .arg(record)
            .query_async::<()>(&mut connection)
            .await?;
    }
    let racer = |command: &[&str]| Benchmark {
        port: arena.server.port(),
        tokens: arena.tokens,
        command: command.iter().map(|&word| word.to_owned()).collect(),
    };
    let evalsha = racer(&["EVALSHA", &script, "1", KEY, WINDOW]);
    let about = "a separate process, one connection for each caller, no pipelining";
    Ok(vec![
        Entry::program(
            "floor/redis-benchmark-get",
            format!("`redis-benchmark`: GET; {about}"),
            racer(&["GET", KEY]),
        ),
        Entry::program(
            "floor/redis-benchmark-evalsha",
            format!("`redis-benchmark`: the script of the floor; {about}"),
            evalsha,
        ),
    ])
}

struct Benchmark {
    port: u16,
    tokens: usize,
    command: Vec<String>,
}

impl Racer for Benchmark {
    fn lap(&self, callers: usize, time: Duration) -> BoxFuture<'_, Outcome<Lap>> {
        Box::pin(async move {
            // It takes a number of calls, not a time: a short run determines how many make up a lap.
            let trial = self.run(callers, 2_000).await?;
            let calls = (trial.per_second() * time.as_secs_f64()) as u64;
            self.run(callers, calls.max(2_000)).await
        })
    }
}

impl Benchmark {
    async fn run(&self, callers: usize, calls: u64) -> Outcome<Lap> {
        let mut command = Command::new(program("redis-benchmark", "redis-tools"));
        command.args([
            "-h",
            "127.0.0.1",
            "-p",
            &self.port.to_string(),
            "--csv",
            "-r",
            &self.tokens.to_string(),
        ]);
        command.args(["-c", &callers.to_string(), "-n", &calls.to_string()]).args(&self.command);
        let start = Instant::now();
        let output = command.kill_on_drop(true).output().await?;
        let said = String::from_utf8_lossy(&output.stdout);
        let per_second = said.lines().last().and_then(|line| line.split("\",\"").nth(1)?.parse::<f64>().ok());
        let per_second = per_second
            .filter(|_| output.status.success())
            .ok_or_else(|| failure(format!("redis-benchmark failed after {:?}: {said}", start.elapsed())))?;
        Ok(Lap { calls, elapsed: Duration::from_secs_f64(calls as f64 / per_second.max(1.0)) })
    }
}
