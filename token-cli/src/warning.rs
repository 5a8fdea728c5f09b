//! What keeps a command that has a result from ending well.

use std::io::Write as _;

use serde_json::json;
use token_core::{Confirmation, ConfirmationLevel, Unconfirmed};

use crate::exit::Exit;
use crate::format::Format;
use crate::layout;

/// Something that is wrong although there is a result.
#[derive(Debug, Clone)]
pub(crate) struct Warning {
    exit: Exit,
    /// The word for programs.
    kind: &'static str,
    sentence: String,
    /// Repeating the command helps, and does nothing twice.
    retryable: bool,
    /// The result says it already to people.
    in_result: bool,
}

impl Warning {
    pub(crate) fn new(exit: Exit, kind: &'static str, sentence: String) -> Self {
        Self { exit, kind, sentence, retryable: false, in_result: false }
    }

    /// The same for programs alone: people read it in the result.
    pub(crate) fn in_result(self) -> Self {
        Self { in_result: true, ..self }
    }

    /// That a change was done, but is not confirmed. `again` says how to wait for it once more.
    pub(crate) fn unconfirmed(done: &str, confirmation: Confirmation, again: &str) -> Option<Self> {
        let (by, advice) = missing(confirmation, again)?;
        let sentence = format!("{done}, but not confirmed {by}: one failure may undo it; {advice}");
        Some(Self::new(Exit::Store, "unconfirmed", sentence).retryable(again == REPEAT))
    }

    /// The same of a revocation that found nothing.
    pub(crate) fn nothing_unconfirmed(confirmation: Confirmation) -> Option<Self> {
        let (by, advice) = missing(confirmation, REPEAT)?;
        let sentence = format!(
            "there was nothing to revoke, and this could not be confirmed {by}: the server may lack tokens that another \
             one has; {advice}"
        );
        Some(Self::new(Exit::Store, "unconfirmed", sentence).retryable(true))
    }

    fn retryable(self, retryable: bool) -> Self {
        Self { retryable, ..self }
    }

    /// What is wrong.
    pub(crate) fn sentence(&self) -> &str {
        &self.sentence
    }

    /// How a command with this warning ends at best.
    pub(crate) fn exit(&self) -> Exit {
        self.exit
    }
}

/// The advice for a change that may be made twice.
pub(crate) const REPEAT: &str = "repeat this";

/// Says the warnings on standard error: a line each for people, and one object for programs, of the worst kind.
pub(crate) fn tell(warnings: &[Warning], json: bool) {
    if !json {
        for warning in warnings.iter().filter(|warning| !warning.in_result) {
            layout::complain(&format!("warning: {}", warning.sentence));
        }
        return;
    }
    // The first one of the worst.
    let Some(worst) = warnings.iter().rev().max_by_key(|warning| warning.exit) else { return };
    let sentences: Vec<_> = warnings.iter().map(|warning| warning.sentence.as_str()).collect();
    let error = json!({"error": {
        "kind": worst.kind, "message": sentences.join("; "), "cause": null, "retryable": worst.retryable,
    }});
    // There is no one to report it to if standard error is closed.
    let _ = writeln!(std::io::stderr(), "{error}");
}

/// Says one warning by itself.
pub(crate) fn tell_one(warning: Warning, format: Format) {
    tell(&[warning], format == Format::Json);
}

/// By what a change is not confirmed, and what to do about it.
fn missing(confirmation: Confirmation, again: &str) -> Option<(String, String)> {
    let Confirmation { level, expected, reached, reason } = confirmation;
    let mend = format!("mend the replication, then {again}");
    match level {
        _ if confirmation.is_confirmed() => None,
        ConfirmationLevel::Disk => Some((
            format!("by the disk of the server ({})", why(reason)),
            format!("{}, then {again}", mend_disk(reason)),
        )),
        _ if expected == 1 => Some(("by a replica".to_owned(), mend)),
        _ => Some((format!("by all {expected} replicas ({reached} did)"), mend)),
    }
}

/// Why the disk did not confirm a change.
pub(crate) fn why(reason: Option<Unconfirmed>) -> &'static str {
    match reason {
        Some(Unconfirmed::NoAppendOnlyFile) => "it has appendonly no",
        Some(Unconfirmed::NeverSynced) => "it has appendfsync no, and never says when it has written",
        Some(Unconfirmed::NoWaitAof) => "it has no WAITAOF, which came with Redis 7.2",
        Some(Unconfirmed::NotPermitted) => "this user may not run WAITAOF there",
        Some(Unconfirmed::AnswersEarly) => {
            "its version is not known to answer WAITAOF only when the disk has it, redis/redis#13793"
        }
        Some(Unconfirmed::TooLate) => "no answer within --confirm-timeout",
        _ => "it refused WAITAOF",
    }
}

/// What to do about it.
fn mend_disk(reason: Option<Unconfirmed>) -> &'static str {
    match reason {
        Some(Unconfirmed::NoAppendOnlyFile) => "set appendonly yes",
        Some(Unconfirmed::NeverSynced) => "set appendfsync everysec or always",
        Some(Unconfirmed::NoWaitAof) => "use Redis 7.2 or later, or another --confirm",
        Some(Unconfirmed::NotPermitted) => "give the user +waitaof",
        Some(Unconfirmed::AnswersEarly) => {
            "use Redis 8.0 or later, or set appendfsync always and give the user +config|get"
        }
        Some(Unconfirmed::TooLate) => "wait longer, or look at its disk and for appendfsync no",
        _ => "see the log",
    }
}
