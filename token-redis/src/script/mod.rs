//! The scripts, and calls of them.

pub(crate) mod answer;
mod decided;
mod include;
mod probe;

use std::sync::LazyLock;

use redis::aio::ConnectionLike;
use redis::{Cmd, ErrorKind, RedisError, RedisResult, ServerErrorKind, Value};

pub(crate) use self::decided::Decided;
use self::include::expand;
pub(crate) use self::probe::probe;
use crate::connection::{Operation, Primary};

/// A script of `lua/`: one atomic transition.
pub(crate) struct Script {
    body: LazyLock<String>,
    sha: LazyLock<String>,
}

macro_rules! script {
    ($name:ident, $file:literal) => {
        script!($name, expand(include_str!(concat!("../../lua/", $file))));
    };
    ($name:ident, $body:expr) => {
        pub(crate) static $name: Script = Script {
            body: LazyLock::new(|| $body),
            sha: LazyLock::new(|| redis::Script::new(&$name.body).get_hash().to_owned()),
        };
    };
}

script!(VALIDATE, "validate.lua");
script!(PREPARE_ISSUE, "prepare_issue.lua");
script!(ISSUE, "issue.lua");
script!(CONFIRM, "confirm.lua");
script!(SHOW, "show.lua");
script!(LIST, "list.lua");
script!(REVOKE, "revoke.lua");
script!(REVOKE_SUBJECT, "revoke_subject.lua");
script!(PRUNE, "prune.lua");
script!(VALIDATE_WITHOUT_WRITING, without_writing(&VALIDATE, "ARGV[1] = 'peek'\n"));
script!(SHOW_WITHOUT_WRITING, without_writing(&SHOW, ""));
script!(LIST_WITHOUT_WRITING, without_writing(&LIST, ""));

/// The script that decides about uses of tokens, as it is sent to servers: to read, to measure, or to load in advance.
#[must_use]
pub fn validate_script() -> &'static str {
    &VALIDATE.body
}

/// A script's flags are in its first line, and the constant `writes` gives the script itself the same information: changes both.
fn without_writing(script: &Script, first: &str) -> String {
    let body = script.body.trim_start_matches("#!lua flags=allow-oom");
    let body = body.replace("local writes = true", "local writes = false");
    [include_str!("../../lua/without_writing.lua"), first, &body].concat()
}

/// A call of a script, with its keys and arguments.
pub(crate) struct Call {
    pub(crate) script: &'static Script,
    pub(crate) keys: Vec<String>,
    pub(crate) arguments: Vec<Vec<u8>>,
}

impl Call {
    /// Sends the call to the server of its first key.
    ///
    /// Uses EVALSHA; a node that does not have the script (new, restarted, promoted, flushed) gets its text by EVAL with
    /// the same keys. Nothing is loaded on other nodes, so a node that hangs does not delay this call.
    pub(crate) async fn send(&self, connection: &mut (impl ConnectionLike + Send)) -> RedisResult<Value> {
        match self.by_hash().query_async(connection).await {
            Err(error) if error.kind() == ErrorKind::Server(ServerErrorKind::NoScript) => {
                self.command("EVAL", &self.script.body).query_async(connection).await
            }
            result => result,
        }
    }

    /// The same call for a primary that cannot write to its disk, if there is one; `listed` is how many replicas the topology
    /// lists.
    pub(crate) fn without_writing(&self, listed: Option<u32>) -> Option<Self> {
        let script = [
            (&VALIDATE, &VALIDATE_WITHOUT_WRITING),
            (&SHOW, &SHOW_WITHOUT_WRITING),
            (&LIST, &LIST_WITHOUT_WRITING),
        ]
        .into_iter()
        .find_map(|(script, twin)| std::ptr::eq(script, self.script).then_some(twin))?;
        let mut arguments = self.arguments.clone();
        arguments.push(listed.map(|listed| listed.to_string()).unwrap_or_default().into_bytes());
        Some(Self { script, keys: self.keys.clone(), arguments })
    }

    /// The first command that [`send`](Self::send) sends.
    pub(crate) fn by_hash(&self) -> Cmd {
        self.command("EVALSHA", &self.script.sha)
    }

    fn command(&self, verb: &str, script: &str) -> Cmd {
        let mut command = redis::cmd(verb);
        command.arg(script).arg(self.keys.len()).arg(&self.keys).arg(&self.arguments);
        command
    }
}

/// Whether a server refused a script because it cannot write to its disk.
pub(crate) fn is_without_disk(error: &RedisError) -> bool {
    error.code() == Some("MISCONF")
}

/// Whether a command met a key of another type than it is for.
pub(crate) fn is_of_another_type(error: &RedisError) -> bool {
    error.code() == Some("WRONGTYPE")
}

impl<C: ConnectionLike + Send> Operation<C> for Call {
    type Output = Value;

    async fn perform(&self, connection: &mut C, _: &Primary) -> RedisResult<Value> {
        self.send(connection).await
    }
}
