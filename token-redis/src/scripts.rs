//! The scripts, and how one is run.

use std::borrow::Cow;
use std::sync::LazyLock;

use redis::aio::ConnectionLike;
use redis::{Cmd, ErrorKind, RedisResult, ServerErrorKind, Value};

use crate::connect::{Home, Own, Work};

/// A script of `lua/`: one atomic transition.
pub(crate) struct Script {
    body: LazyLock<Cow<'static, str>>,
    sha: LazyLock<String>,
}

macro_rules! script {
    ($name:ident, $file:literal) => {
        pub(crate) static $name: Script = {
            Script {
                body: LazyLock::new(|| complete(include_str!(concat!("../lua/", $file)))),
                sha: LazyLock::new(|| redis::Script::new(&$name.body).get_hash().to_owned()),
            }
        };
    };
}

script!(VALIDATE, "validate.lua");
script!(VALIDATE_MANY, "validate_many.lua");
script!(SURVEY, "survey.lua");
script!(ISSUE, "issue.lua");
script!(SHOW, "show.lua");
script!(LIST, "list.lua");
script!(REVOKE, "revoke.lua");
script!(REVOKE_USER, "revoke_user.lua");
script!(PRUNE, "prune.lua");
script!(PERMITTED, "permitted.lua");

/// Puts the rule of `validate.lua` where a script has a place for it.
fn complete(body: &'static str) -> Cow<'static, str> {
    const PLACE: &str = "  -- RULE\n";
    if !body.contains(PLACE) {
        return body.into();
    }
    // Without the line that tells what kind of script it is.
    let (_, rule) = include_str!("../lua/validate.lua").split_once('\n').unwrap_or_default();
    body.replace(PLACE, rule).into()
}

/// A call of a script, with its keys and arguments.
pub(crate) struct Call {
    pub(crate) script: &'static Script,
    pub(crate) keys: Vec<String>,
    pub(crate) arguments: Vec<Vec<u8>>,
}

impl Call {
    /// Sends it to where its first key lives.
    ///
    /// By EVALSHA; a node that does not know the script (new, restarted, promoted, flushed) gets its text by EVAL with
    /// the same keys. Nothing is ever loaded on other nodes: one that hangs could not hold this call up.
    pub(crate) async fn send(&self, connection: &mut (impl ConnectionLike + Send)) -> RedisResult<Value> {
        match self.command("EVALSHA", &self.script.sha).query_async(connection).await {
            Err(error) if error.kind() == ErrorKind::Server(ServerErrorKind::NoScript) => {
                self.command("EVAL", &self.script.body).query_async(connection).await
            }
            result => result,
        }
    }

    fn command(&self, verb: &str, script: &str) -> Cmd {
        let mut command = redis::cmd(verb);
        command.arg(script).arg(self.keys.len()).arg(&self.keys).arg(&self.arguments);
        command
    }
}

impl Work for Call {
    type Output = Value;

    async fn perform(&self, own: &mut Own, _: &Home) -> RedisResult<Value> {
        self.send(own).await
    }
}
