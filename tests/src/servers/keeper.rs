//! Child processes that end with the value that stands for them, and with this process, however it ends.
//!
//! Linux can signal a child when its parent dies (`PR_SET_PDEATHSIG`), and `setpriv` of util-linux asks for that before
//! it becomes the program. The parent that counts is the *thread* that made the child. Tests and their runtimes end
//! threads all the time, so one thread that lives as long as this process makes all children.

use std::fs::File;
use std::io;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::LazyLock;
use std::sync::mpsc::{Sender, channel};
use std::thread;

use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process, waitid};

/// A child process, killed on drop.
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

    /// Kills the process and waits until it is gone.
    pub(crate) fn kill(&mut self) {
        // A process that has ended by itself is as good.
        let _ = self.0.kill();
        let _ = self.0.wait();
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
    if !*CAN_BIND {
        return Command::new(program);
    }
    let mut command = Command::new("setpriv");
    command.args(["--pdeathsig", "KILL"]).arg(program);
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
