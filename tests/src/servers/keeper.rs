//! Child processes that end with the value that stands for them, and with this process, however it ends.
//!
//! Linux can signal a child when its parent dies (`PR_SET_PDEATHSIG`), and `setpriv` of util-linux asks for that before
//! it becomes the program. The parent that counts is the *thread* that made the child. Tests and their runtimes end
//! threads all the time, so one thread that lives as long as this process makes all children.
//!
//! A child leads a process group of its own, and what it started in turn (the workers of nginx, for one) ends with it.

use std::fs::File;
use std::io;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::LazyLock;
use std::sync::mpsc::{Sender, channel};
use std::thread;

use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process, kill_process_group, waitid};

/// A child process, killed on drop with all that it started.
#[derive(Debug)]
pub(crate) struct Kept(Child);

impl Kept {
    /// Starts `program`; whatever it says goes to `output`.
    pub(crate) fn start(program: &Path, arguments: &[String], output: File) -> io::Result<Self> {
        let mut command = bound_to_this_process(program);
        command.args(arguments).stdin(Stdio::null()).stdout(output.try_clone()?).stderr(output);
        spawn(command).map(Self)
    }

    /// The process id. `setpriv` replaces itself, so it is the program's own.
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

    /// Stops the process where it stands. It has stopped when this returns.
    ///
    /// # Errors
    /// It has ended, or the system refuses.
    pub(crate) fn pause(&mut self) -> io::Result<()> {
        self.signal(Signal::STOP)?;
        // Until the signal arrives, the process goes on. Whatever it turns into remains for `ended` and `kill` to see.
        let changes = WaitIdOptions::STOPPED | WaitIdOptions::EXITED | WaitIdOptions::NOWAIT;
        waitid(WaitId::Pid(Pid::from_child(&self.0)), changes)?;
        Ok(())
    }

    /// Lets the process go on.
    ///
    /// # Errors
    /// It has ended, or the system refuses.
    pub(crate) fn resume(&mut self) -> io::Result<()> {
        self.signal(Signal::CONT)
    }

    /// Tells the process to stop.
    ///
    /// # Errors
    /// It has ended, or the system refuses.
    pub(crate) fn terminate(&mut self) -> io::Result<()> {
        self.signal(Signal::TERM)
    }

    fn signal(&mut self, signal: Signal) -> io::Result<()> {
        // Until it is waited for, no other process gets its id.
        match self.0.try_wait()? {
            Some(status) => Err(io::Error::other(format!("the process has ended with {status}"))),
            None => Ok(kill_process(Pid::from_child(&self.0), signal)?),
        }
    }

    /// Kills the process and all that it started, and waits until it is gone.
    pub(crate) fn kill(&mut self) {
        if self.ended().is_none() {
            self.kill_group();
            // Once it is killed, this cannot fail: nobody else waits for it.
            let _ = self.0.wait();
        }
    }

    /// Only before the leader is waited for: until then, no other group gets its id.
    fn kill_group(&self) {
        // A group that is gone is as good.
        let _ = kill_process_group(Pid::from_child(&self.0), Signal::KILL);
    }
}

impl Drop for Kept {
    fn drop(&mut self) {
        self.kill();
    }
}

/// A command that runs `program` so that it dies with this process, where the system can do that.
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
                // Whoever ordered waits for the reply.
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

    /// Looks until it is so.
    async fn until<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
        let look = async || look().ok_or_else(|| Missing::Yet(what.to_owned()));
        wait_for(Duration::from_secs(20), look).await.unwrap()
    }

    /// A shell that waits for a child of its own, and that child.
    async fn with_a_grandchild() -> (Kept, u32) {
        let said = tempfile::NamedTempFile::new().unwrap();
        let script = ["-c", "sleep 600 & echo $!; wait"].map(str::to_owned);
        let kept = Kept::start(Path::new("/bin/sh"), &script, said.reopen().unwrap()).unwrap();
        let said = || fs::read_to_string(said.path()).unwrap().trim().parse().ok();
        (kept, until("no child of the child", said).await)
    }

    /// It may still have to be waited for, by a process that is none of ours.
    fn runs(process: u32) -> bool {
        let state = fs::read_to_string(format!("/proc/{process}/stat"));
        state.is_ok_and(|state| !state.rsplit(')').next().unwrap().starts_with(" Z"))
    }

    async fn assert_ends(process: u32) {
        until("it still runs", || (!runs(process)).then_some(())).await;
    }

    #[tokio::test]
    async fn what_a_child_started_ends_with_it() {
        let (kept, grandchild) = with_a_grandchild().await;
        assert!(runs(grandchild));
        drop(kept);
        assert_ends(grandchild).await;
    }

    #[tokio::test]
    async fn what_a_child_started_ends_when_the_test_panics() {
        let (kept, grandchild) = with_a_grandchild().await;
        let test = thread::spawn(move || {
            let _kept = kept;
            panic!("a test that fails");
        });
        assert!(test.join().is_err());
        assert_ends(grandchild).await;
    }

    #[tokio::test]
    async fn what_a_child_left_behind_ends_once_it_is_noticed() {
        let (mut kept, grandchild) = with_a_grandchild().await;
        kill_process(Pid::from_child(&kept.0), Signal::KILL).unwrap();
        until("the child still runs", || kept.ended()).await;
        assert_ends(grandchild).await;
    }
}
