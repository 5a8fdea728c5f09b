//! A program that listens on a port, and is killed on drop.

use std::env;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::ExitStatus;
use std::sync::Mutex;
use std::time::Duration;

use tempfile::TempDir;
use tokio::net::TcpStream;

use crate::servers::{Kept, Missing, free_port, wait_for};

/// How long a program may take until it listens.
const START: Duration = Duration::from_secs(30);

/// A program that listens on a port of loopback. On drop it is killed, and its directory is deleted.
#[derive(Debug)]
pub struct Daemon {
    port: u16,
    kept: Mutex<Kept>,
    directory: TempDir,
}

impl Daemon {
    /// Starts a program with the arguments for a port, and waits until it listens there.
    ///
    /// # Panics
    /// It does not. The message ends with its output.
    pub async fn start(program: &Path, arguments: impl Fn(u16) -> Vec<String>) -> Self {
        Self::start_in(program, |port, _| arguments(port)).await
    }

    /// The same for a program that needs files in its own directory.
    ///
    /// # Panics
    /// It does not start. The message ends with its output.
    pub async fn start_in(program: &Path, arguments: impl Fn(u16, &Path) -> Vec<String>) -> Self {
        let log = |directory: &Path| File::create(directory.join("said")).expect("room for a log");
        Self::start_with_log(program, arguments, log).await
    }

    /// The same with the output in this file, which may be a pipe or a device.
    ///
    /// # Panics
    /// It does not start.
    pub async fn start_with_log(
        program: &Path,
        arguments: impl Fn(u16, &Path) -> Vec<String>,
        log: impl Fn(&Path) -> File,
    ) -> Self {
        let directory = TempDir::new().expect("room for a directory");
        let log = log(directory.path());
        let port = free_port();
        let kept = Kept::start(program, &arguments(port, directory.path()), log);
        let kept = kept.unwrap_or_else(|error| panic!("cannot start {}: {error}", program.display()));
        let daemon = Self { port, kept: Mutex::new(kept), directory };
        if let Err(why) = wait_for(START, async || daemon.look_whether_it_listens().await).await {
            panic!("{} did not start: {why}: {}", program.display(), daemon.said());
        }
        daemon
    }

    async fn look_whether_it_listens(&self) -> Result<(), Missing> {
        if let Some(status) = self.kept.lock().expect("no test panics under the lock").ended() {
            return Err(Missing::ForEver(format!("it ended with {status}")));
        }
        let connected = TcpStream::connect(("127.0.0.1", self.port)).await;
        connected.map(drop).map_err(|error| Missing::Yet(error.to_string()))
    }

    /// The port it listens on.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Its URL, without a slash at the end.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// The id of its process.
    ///
    /// # Panics
    /// Another test panicked with it.
    #[must_use]
    pub fn process_id(&self) -> u32 {
        self.kept.lock().expect("no test panics under the lock").id()
    }

    /// The exit code that it ended with, if it has.
    ///
    /// # Panics
    /// Another test panicked with it.
    #[must_use]
    pub fn exit_code(&self) -> Option<i32> {
        self.kept.lock().expect("no test panics under the lock").ended()?.code()
    }

    /// Sends it SIGTERM, as a supervisor does.
    ///
    /// # Panics
    /// It has ended already.
    pub fn terminate(&self) {
        self.kept.lock().expect("no test panics under the lock").terminate().expect("it runs");
    }

    /// Waits until it has ended, and returns its status.
    ///
    /// # Panics
    /// It does not end.
    pub async fn until_it_ends(&self) -> ExitStatus {
        let look = async || {
            let ended = self.kept.lock().expect("no test panics under the lock").ended();
            ended.ok_or_else(|| Missing::Yet("it still runs".into()))
        };
        wait_for(START, look).await.unwrap_or_else(|why| panic!("{why}: {}", self.said()))
    }

    /// Waits for a line with this text, and returns the line.
    ///
    /// # Errors
    /// It ended without such a line, or does not print it in time.
    pub async fn until_it_says(&self, text: &str) -> Result<String, String> {
        let look = async || {
            // Check first whether it has ended, so that its last output is read after that.
            let ended = self.kept.lock().expect("no test panics under the lock").ended();
            let line = self.said().lines().find(|line| line.contains(text)).map(str::to_owned);
            line.ok_or_else(|| match ended {
                Some(status) => Missing::ForEver(format!("it ended with {status}")),
                None => Missing::Yet(format!("it does not say {text:?}")),
            })
        };
        wait_for(START, look).await
    }

    /// Its directory.
    #[must_use]
    pub fn directory(&self) -> &Path {
        self.directory.path()
    }

    /// Ends it by SIGTERM, and returns its output: a log line may be written a little later than its event.
    pub async fn all_it_said(&self) -> String {
        self.terminate();
        self.until_it_ends().await;
        self.said()
    }

    /// Its output so far.
    #[must_use]
    pub fn said(&self) -> String {
        String::from_utf8_lossy(&fs::read(self.directory.path().join("said")).unwrap_or_default())
            .into_owned()
    }
}

/// The path of a program.
///
/// # Panics
/// It is not installed; the message says what to install. A test that needs it is never skipped.
#[must_use]
pub fn program(name: &str, package: &str) -> PathBuf {
    let path = env::var_os("PATH").unwrap_or_default();
    let folders = env::split_paths(&path).chain(["/usr/sbin".into(), "/sbin".into()]);
    let found = folders.map(|folder| folder.join(name)).find(|file| file.is_file());
    found.unwrap_or_else(|| {
        panic!("this test runs {name}: install it (Debian and Ubuntu: apt install {package})")
    })
}
