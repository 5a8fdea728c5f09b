//! The machine, and the versions of its software.

use std::fs;
use std::process::Command;

use serde::{Deserialize, Serialize};

use crate::outcome::{Outcome, failure};

/// The properties that influence the results most.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Machine {
    pub(crate) processor: String,
    pub(crate) cores: usize,
    pub(crate) memory_gib: u64,
    pub(crate) system: String,
    pub(crate) redis: String,
    pub(crate) compiler: String,
    /// The day, in UTC.
    pub(crate) day: String,
}

impl Machine {
    pub(crate) fn look() -> Outcome<Self> {
        let field = |file: &str, name: &str| {
            let text = fs::read_to_string(file).unwrap_or_default();
            text.lines().find_map(|line| {
                line.strip_prefix(name)?.split_once(':').map(|(_, value)| value.trim().to_owned())
            })
        };
        let unknown = || "unknown".to_owned();
        let kib = field("/proc/meminfo", "MemTotal");
        let kib: u64 = kib.and_then(|kib| kib.split(' ').next()?.parse().ok()).unwrap_or_default();
        let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_else(|_| unknown());
        Ok(Self {
            processor: field("/proc/cpuinfo", "model name").unwrap_or_else(unknown),
            cores: std::thread::available_parallelism()?.get(),
            memory_gib: (kib + 512 * 1024) / (1024 * 1024),
            system: format!("{} {}", std::env::consts::OS, kernel.trim()),
            redis: said("redis-server", "--version").or_else(|_| said("valkey-server", "--version"))?,
            compiler: said("rustc", "--version").unwrap_or_else(|_| unknown()),
            day: jiff::Timestamp::now().strftime("%Y-%m-%d").to_string(),
        })
    }
}

/// The first line of a program's output.
fn said(program: &str, argument: &str) -> Outcome<String> {
    let output = Command::new(program).arg(argument).output();
    let output = output.map_err(|error| failure(format!("cannot run {program}: {error}")))?;
    Ok(String::from_utf8_lossy(&output.stdout).lines().next().unwrap_or_default().to_owned())
}

/// The version of a crate that this program was built with; of several, the oldest.
pub(crate) fn version(package: &str) -> &'static str {
    let name = format!("name = \"{package}\"\nversion = \"");
    let lock = include_str!("../../Cargo.lock");
    lock.split_once(&name).and_then(|(_, rest)| rest.split_once('"')).map_or("?", |(version, _)| version)
}
