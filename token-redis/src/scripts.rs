//! The scripts, and how one is run.

use std::sync::LazyLock;

use redis::{Cmd, ErrorKind, RedisResult, ServerErrorKind, ToRedisArgs, Value};

use crate::connect::Link;

/// A script of `lua/`: one atomic transition.
pub(crate) struct Script {
    body: &'static str,
    sha: LazyLock<String>,
}

macro_rules! script {
    ($name:ident, $file:literal) => {
        pub(crate) static $name: Script = {
            const BODY: &str = include_str!(concat!("../lua/", $file));
            Script { body: BODY, sha: LazyLock::new(|| redis::Script::new(BODY).get_hash().to_owned()) }
        };
    };
}

script!(VALIDATE, "validate.lua");
script!(SURVEY, "survey.lua");
script!(ISSUE, "issue.lua");
script!(SHOW, "show.lua");
script!(LIST, "list.lua");
script!(REVOKE, "revoke.lua");
script!(REVOKE_USER, "revoke_user.lua");
script!(PRUNE, "prune.lua");

impl Script {
    /// Runs the script where its first key lives.
    ///
    /// By EVALSHA; a node that does not know the script (new, restarted, promoted, flushed) gets its text by EVAL with
    /// the same keys. Nothing is ever loaded on other nodes: one that hangs could not hold this call up.
    pub(crate) async fn run(
        &self,
        link: &mut Link,
        keys: &[String],
        arguments: impl ToRedisArgs,
    ) -> RedisResult<Value> {
        let by_hash = call("EVALSHA", &self.sha, keys, &arguments).query_async(link).await;
        match by_hash {
            Err(error) if error.kind() == ErrorKind::Server(ServerErrorKind::NoScript) => {
                call("EVAL", self.body, keys, &arguments).query_async(link).await
            }
            result => result,
        }
    }
}

fn call(verb: &str, script: &str, keys: &[String], arguments: &impl ToRedisArgs) -> Cmd {
    let mut command = redis::cmd(verb);
    command.arg(script).arg(keys.len()).arg(keys).arg(arguments);
    command
}
