//! Child processes that are killed on drop, and when this process ends in any way.
//!
//! Linux can signal a child when its parent dies (`PR_SET_PDEATHSIG`); `setpriv` of util-linux requests that before it
//! executes the program. The parent is the *thread* that made the child. Tests and their runtimes end threads all the
//! time, so one thread that lives as long as this process makes all children.
//!
//! A child leads its own process group, so that the processes it has started (such as the workers of nginx) end with it.

use std::fs::File;
use std::io;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::LazyLock;
use std::sync::mpsc::{Sender, channel};
use std::thread;

use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process, kill_process_group, waitid};

/// A child process. On drop it is killed, together with all processes that it has started.
#[derive(Debug)]
pub(crate) struct Kept(Child);

impl Kept {
    /// Starts `program` with its output in `output`.
    pub(crate) fn start(program: &Path, arguments: &[String], output: File) -> io::Result<Self> {
        let mut command = bound_to_this_process(program);
        command.args(arguments).stdin(Stdio::null()).stdout(output.try_clone()?).stderr(output);
        spawn(command).map(Self)
    }

    /// The process id. `setpriv` executes the program in the same process, so this is the id of the program.
    pub(crate) fn id(&self) -> u32 {
        self.0.id()
    }

    /// How the process ended, if it has.
    pub(crate) fn ended(&mut self) -> Option<ExitStatus> {
        let has_ended = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
        if let Ok(Some(_)) = waitid(WaitId::Pid(Pid::from_child(&self.0)), has_ended) {
            self.kill_group();
        }
        self.0.try_wait().ok().flatten()
    }

    /// Stops the process with SIGSTOP. It has stopped when this returns.
    ///
    /// # Errors
    /// It has ended, or the system refuses.
    pub(crate) fn pause(&mut self) -> io::Result<()> {
        self.signal(Signal::STOP)?;
        // The process continues until the signal arrives. `ended` and `kill` still see its state after that.
        let changes = WaitIdOptions::STOPPED | WaitIdOptions::EXITED | WaitIdOptions::NOWAIT;
        waitid(WaitId::Pid(Pid::from_child(&self.0)), changes)?;
        Ok(())
    }

    /// Resumes the process.
    ///
    /// # Errors
    /// It has ended, or the system refuses.
    pub(crate) fn resume(&mut self) -> io::Result<()> {
        self.signal(Signal::CONT)
    }

    /// Sends SIGTERM to the process.
    ///
    /// # Errors
    /// It has ended, or the system refuses.
    pub(crate) fn terminate(&mut self) -> io::Result<()> {
        self.signal(Signal::TERM)
    }

    fn signal(&mut self, signal: Signal) -> io::Result<()> {
        // No other process gets its id until this process has waited for it.
        match self.0.try_wait()? {
            Some(status) => Err(io::Error::other(format!("the process has ended with {status}"))),
            None => Ok(kill_process(Pid::from_child(&self.0), signal)?),
        }
    }

    /// Kills the process and all processes that it has started, and waits until it is gone.
    pub(crate) fn kill(&mut self) {
        if self.ended().is_none() {
            self.kill_group();
            // This cannot fail after the kill: no other code waits for the process.
            let _ = self.0.wait();
        }
    }

    /// Call this only before waiting for the leader: until then, no other group gets its id.
    fn kill_group(&self) {
        // A group that does not exist any more is a success, too.
        let _ = kill_process_group(Pid::from_child(&self.0), Signal::KILL);
    }
}

impl Drop for Kept {
    fn drop(&mut self) {
        self.kill();
    }
}

/// A command that runs `program` so that it dies with this process, if the system supports that.
fn bound_to_this_process(program: &Path) -> Command {
    static CAN_BIND: LazyLock<bool> = LazyLock::new(|| {
        let mut trial = Command::new("setpriv");
        trial.args(["--pdeathsig", "KILL", "true"]).stdout(Stdio::null()).stderr(Stdio::null());
        cfg!(target_os = "linux") && trial.status().is_ok_and(|status| status.success())
    });
    let mut command = if *CAN_BIND { Command::new("setpriv") } else { Command::new(program) };
    if *CAN_BIND {
        command.args(["--pdeathsig", "KILL"]).arg(program);
    }
    command.process_group(0);
    command
}

/// Spawns the command on the thread that lives as long as this process.
fn spawn(command: Command) -> io::Result<Child> {
    type Order = (Command, Sender<io::Result<Child>>);
    static KEEPER: LazyLock<Sender<Order>> = LazyLock::new(|| {
        let (orders, inbox) = channel::<Order>();
        thread::spawn(move || {
            for (mut command, reply) in inbox {
                // The caller waits for the reply.
                let _ = reply.send(command.spawn());
            }
        });
        orders
    });
    let (reply, answer) = channel();
    let gone = |_| io::Error::other("the thread that starts processes is gone");
    KEEPER.send((command, reply)).map_err(|error| gone(error.to_string()))?;
    answer.recv().map_err(|error| gone(error.to_string()))?
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::fs;
    use std::time::Duration;

    use super::*;
    use crate::servers::{Missing, wait_for};

    /// Polls until the value exists.
    async fn until<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
        let look = async || look().ok_or_else(|| Missing::Yet(what.to_owned()));
        wait_for(Duration::from_secs(20), look).await.unwrap()
    }

    /// A shell that waits for its own child, and the id of that child.
    async fn with_a_grandchild() -> (Kept, u32) {
        let said = tempfile::NamedTempFile::new().unwrap();
        let script = ["-c", "sleep 600 & echo $!; wait"].map(str::to_owned);
        let kept = Kept::start(Path::new("/bin/sh"), &script, said.reopen().unwrap()).unwrap();
        let said = || fs::read_to_string(said.path()).unwrap().trim().parse().ok();
        (kept, until("no child of the child", said).await)
    }

    /// Waits until a process has ended, which another process may have to reap.
    fn runs(process: u32) -> bool {
        let state = fs::read_to_string(format!("/proc/{process}/stat"));
        state.is_ok_and(|state| !state.rsplit(')').next().unwrap().starts_with(" Z"))
    }

    async fn assert_ends(process: u32) {
        until("it still runs", || (!runs(process)).then_some(())).await;
    }

    #[tokio::test]
    async fn a_grandchild_ends_with_the_child() {
        let (kept, grandchild) = with_a_grandchild().await;
        assert!(runs(grandchild));
        drop(kept);
        assert_ends(grandchild).await;
    }

    #[tokio::test]
    async fn a_grandchild_ends_when_the_test_panics() {
        let (kept, grandchild) = with_a_grandchild().await;
        let test = thread::spawn(move || {
            let _kept = kept;
            panic!("a test that fails");
        });
        assert!(test.join().is_err());
        assert_ends(grandchild).await;
    }

    #[tokio::test]
    async fn a_grandchild_of_an_ended_child_ends_when_that_is_seen() {
        let (mut kept, grandchild) = with_a_grandchild().await;
        kill_process(Pid::from_child(&kept.0), Signal::KILL).unwrap();
        until("the child still runs", || kept.ended()).await;
        assert_ends(grandchild).await;
    }
}
