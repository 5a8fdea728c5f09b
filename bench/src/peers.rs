//! The peers in Python, in an environment below `target/` that this program creates.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use futures_util::future::BoxFuture;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::sync::Mutex;

use crate::arena::{Arena, EACH};
use crate::contest::{Entry, Lap, Racer};
use crate::outcome::{Outcome, failure};

const REQUIREMENTS: &str = include_str!("../peers/requirements.txt");
/// How long a peer may take to start, and a lap to end after its time.
const PATIENCE: Duration = Duration::from_secs(120);
/// A lower number, because `django-rest-knox` makes its tokens slowly.
const KNOX_TOKENS: usize = 1_000;
const PROCESSES: &str = "callers share twice as many processes as there are cores, plus one, as gunicorn recommends; the rest are threads";

/// `peer/flask-session-redis` and `peer/django-rest-knox-sqlite`.
pub(crate) async fn enter(arena: &Arena, folder: &Path) -> Outcome<Vec<Entry>> {
    let python = install().await?;
    let flask = Peer::start(&python, "flask_session_redis.py", &[&arena.server.url()], arena.tokens).await?;
    let knox = Peer::start(&python, "knox_sqlite.py", &[&folder.display().to_string()], KNOX_TOKENS).await?;
    Ok(vec![
        Entry::program(
            "peer/flask-session-redis",
            format!(
                "Python, `Flask-Session` on `redis-py` with `hiredis`, msgpack, `SESSION_REFRESH_EACH_REQUEST`: `open_session`, `save_session`; {PROCESSES}"
            ),
            flask,
        ),
        Entry::program(
            "peer/django-rest-knox-sqlite",
            format!(
                "Python, `django-rest-knox` with `AUTO_REFRESH` on SQLite (WAL, `synchronous=NORMAL`): `TokenAuthentication.authenticate`; by default it renews a token at most once a minute, so most calls only read; {KNOX_TOKENS} tokens; {PROCESSES}"
            ),
            knox,
        ),
    ])
}

/// Makes Flask-Session write one session.
pub(crate) async fn write_flask_session(url: &str) -> Outcome<()> {
    let mut once = Command::new(install().await?);
    once.arg(script("flask_session_redis.py")).arg(url).env("PYTHONDONTWRITEBYTECODE", "1");
    done(once, "let Flask-Session write a session").await
}

/// Creates the environment if necessary, and returns its interpreter.
async fn install() -> Outcome<PathBuf> {
    let cannot = || failure("this program runs from a folder below target/");
    let own = std::env::current_exe()?;
    let home = own.parent().and_then(Path::parent).ok_or_else(cannot)?.join("bench-peers");
    let (python, mark) = (home.join("bin/python"), home.join("installed"));
    if std::fs::read_to_string(&mark).is_ok_and(|installed| installed == REQUIREMENTS) {
        return Ok(python);
    }
    std::fs::create_dir_all(&home)?;
    let wanted = home.join("requirements.txt");
    std::fs::write(&wanted, REQUIREMENTS)?;
    let mut make = Command::new("python3");
    make.args(["-m", "venv"]).arg(&home);
    done(make, "make an environment for Python: install python3 and python3-venv").await?;
    let mut pip = Command::new(&python);
    pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r"]).arg(wanted);
    done(pip, "install the peers in Python from PyPI").await?;
    std::fs::write(mark, REQUIREMENTS)?;
    Ok(python)
}

async fn done(mut command: Command, what: &str) -> Outcome<()> {
    let status = command.kill_on_drop(true).status().await;
    match status {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(failure(format!("cannot {what}: {status}"))),
        Err(error) => Err(failure(format!("cannot {what}: {error}"))),
    }
}

fn script(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("peers").join(name)
}

/// A script that runs laps.
struct Peer(Mutex<Conversation>);

struct Conversation {
    /// Killed on drop.
    _child: Child,
    asks: ChildStdin,
    answers: tokio::io::Lines<BufReader<ChildStdout>>,
}

impl Peer {
    async fn start(python: &Path, name: &str, arguments: &[&str], tokens: usize) -> Outcome<Self> {
        let mut command = Command::new(python);
        command.arg(script(name)).args(arguments).arg(tokens.to_string()).arg(EACH.to_string());
        command.env("PYTHONDONTWRITEBYTECODE", "1").stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.kill_on_drop(true).spawn()?;
        let (Some(asks), Some(answers)) = (child.stdin.take(), child.stdout.take()) else {
            return Err(failure("a peer without input or output"));
        };
        let mut conversation = Conversation { _child: child, asks, answers: BufReader::new(answers).lines() };
        let line = conversation.line(PATIENCE).await?;
        if line == "ready" {
            Ok(Self(Mutex::new(conversation)))
        } else {
            Err(failure(format!("{name}: {line}")))
        }
    }
}

impl Conversation {
    async fn line(&mut self, patience: Duration) -> Outcome<String> {
        let line = tokio::time::timeout(patience, self.answers.next_line()).await??;
        line.ok_or_else(|| failure("it has ended; see above what it said"))
    }
}

impl Racer for Peer {
    fn lap(&self, callers: usize, time: Duration) -> BoxFuture<'_, Outcome<Lap>> {
        Box::pin(async move {
            let mut conversation = self.0.lock().await;
            let ask = format!("{callers} {}\n", time.as_secs_f64());
            conversation.asks.write_all(ask.as_bytes()).await?;
            let line = conversation.line(time + PATIENCE).await?;
            let numbers = line.split_once(' ').and_then(|(calls, seconds)| {
                Some(Lap {
                    calls: calls.parse().ok()?,
                    elapsed: Duration::from_secs_f64(seconds.parse().ok()?),
                })
            });
            numbers.ok_or_else(|| failure(format!("not an answer: {line}")))
        })
    }
}
