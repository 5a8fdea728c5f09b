//! Processor time by process.

use redis::aio::MultiplexedConnection;
use rustix::time::{ClockId, clock_gettime};
use token_tests::servers::Server;
use tokio::sync::Mutex;

use crate::outcome::{Outcome, failure};

/// Reads the processor time of this process and of a Redis server.
pub(crate) struct Meter<'a> {
    server: &'a Server,
    connection: Mutex<MultiplexedConnection>,
}

/// Microseconds of processor time since an arbitrary start.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Used {
    /// This process, in user mode and in the kernel.
    pub(crate) client_us: f64,
    /// The server, in user mode and in the kernel.
    pub(crate) server_us: f64,
    /// The part of it that the server reports for scripts, for commands inside scripts, and for all other commands.
    scripts_us: f64,
    inner_us: f64,
    other_us: f64,
}

impl Used {
    /// The processor time of this process, if no server is measured.
    pub(crate) fn own() -> Self {
        Self { client_us: own_us(), ..Self::default() }
    }

    pub(crate) fn since(&self, before: &Self) -> Self {
        Self {
            client_us: self.client_us - before.client_us,
            server_us: self.server_us - before.server_us,
            scripts_us: self.scripts_us - before.scripts_us,
            inner_us: self.inner_us - before.inner_us,
            other_us: self.other_us - before.other_us,
        }
    }

    /// The time that the server reports for executing commands.
    pub(crate) fn commands_us(&self) -> f64 {
        let called = if self.scripts_us > 0.0 { self.scripts_us } else { self.inner_us };
        called + self.other_us
    }
}

impl<'a> Meter<'a> {
    pub(crate) async fn on(server: &'a Server) -> Self {
        Self { server, connection: Mutex::new(server.connection().await) }
    }

    pub(crate) async fn read(&self) -> Outcome<Used> {
        let mut info = redis::cmd("INFO");
        info.arg("cpu").arg("commandstats");
        let info: String = info.query_async(&mut *self.connection.lock().await).await?;
        read(&info).ok_or_else(|| failure(format!("{} does not say what it has used", self.server.url())))
    }
}

/// Processor time of this process.
pub(crate) fn own_us() -> f64 {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    time.tv_sec as f64 * 1e6 + time.tv_nsec as f64 / 1e3
}

/// The commands that the scripts call. `INFO` counts them separately and again within the script.
const INNER: [&str; 6] = ["get", "pexpire", "pexpireat", "pexpiretime", "time", "set"];

fn read(info: &str) -> Option<Used> {
    let seconds = |name: &str| info.lines().find_map(|line| line.strip_prefix(name)?.parse::<f64>().ok());
    let server_us = (seconds("used_cpu_user:")? + seconds("used_cpu_sys:")?) * 1e6;
    let mut used = Used { client_us: own_us(), server_us, ..Used::default() };
    for (name, stats) in info.lines().filter_map(|line| line.strip_prefix("cmdstat_")?.split_once(':')) {
        let usec: f64 = stats.split(',').find_map(|part| part.strip_prefix("usec="))?.parse().ok()?;
        match name {
            "evalsha" | "eval" => used.scripts_us += usec,
            "info" => {}
            name if INNER.contains(&name) => used.inner_us += usec,
            _ => used.other_us += usec,
        }
    }
    Some(used)
}

#[cfg(test)]
mod tests {
    use super::*;

    const INFO: &str =
        "used_cpu_sys:1.5\r\nused_cpu_user:0.5\r\ncmdstat_get:calls=2,usec=10,usec_per_call=5.00\r\n";

    #[test]
    fn a_command_in_a_script_is_counted_once() {
        let before = Used { client_us: 0.0, ..read(INFO).unwrap() };
        assert_eq!(before.server_us, 2e6);
        let with = |line: &str| read(&format!("{INFO}{line}")).unwrap().since(&Used::default()).commands_us();
        assert_eq!(with(""), 10.0);
        assert_eq!(
            with("cmdstat_evalsha:calls=1,usec=30,usec_per_call=30\r\ncmdstat_ping:calls=1,usec=1,x=1"),
            31.0
        );
    }
}
