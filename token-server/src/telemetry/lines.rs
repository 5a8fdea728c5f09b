//! From an event to a line of the log. Spans are left out: they are for traces.

use std::io::{self, IsTerminal, Write};
use std::marker::PhantomData;
use std::sync::Arc;

use tracing::field::Visit;
use tracing::{Event, Level, Metadata, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::Context;

use super::repeats::Repeats;
use super::writer::Log;

/// A line that is being written, in some format.
pub(crate) trait Line: Visit {
    /// Begins with the time and the level.
    fn begin(metadata: &Metadata<'_>, colour: bool) -> Self;

    /// All of it, with a line feed.
    fn end(self, metadata: &Metadata<'_>) -> Vec<u8>;
}

/// Writes a line of each event.
pub(crate) struct Lines<L> {
    to: To,
    colour: bool,
    format: PhantomData<fn() -> L>,
}

enum To {
    /// The thread that writes.
    Log(Log, Arc<Repeats>),
    /// Standard error, at once.
    Stderr,
}

impl<L: Line> Lines<L> {
    /// By a thread of their own, each warning and each error once a minute.
    pub(crate) fn to(log: Log, repeats: Arc<Repeats>) -> Self {
        Self { to: To::Log(log, repeats), colour: is_colour_wanted(), format: PhantomData }
    }

    /// At once, all of them: for commands that end soon.
    pub(crate) fn to_stderr() -> Self {
        Self { to: To::Stderr, colour: is_colour_wanted(), format: PhantomData }
    }
}

/// Standard error is a terminal that knows colours, and no variable asks for none (see no-color.org).
fn is_colour_wanted() -> bool {
    let is_set = |name| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    io::stderr().is_terminal()
        && !is_set("NO_COLOR")
        && std::env::var_os("TERM").is_none_or(|term| term != "dumb")
}

impl<S: Subscriber, L: Line + 'static> Layer<S> for Lines<L> {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        if let To::Log(_, repeats) = &self.to
            && !repeats.admit(event)
        {
            return;
        }
        let metadata = event.metadata();
        let mut line = L::begin(metadata, self.colour);
        event.record(&mut line);
        let line = line.end(metadata);
        match &self.to {
            To::Log(log, _) => log.add(&line, *metadata.level() <= Level::WARN),
            // If it cannot be written, it is lost: there is no place to complain.
            To::Stderr => _ = io::stderr().write_all(&line),
        }
    }
}

/// The line that comes of this.
#[cfg(test)]
pub(crate) fn logged<L: Line + 'static>(emit: impl FnOnce()) -> String {
    use tracing_subscriber::layer::SubscriberExt;

    let log = Log::default();
    let lines = Lines::<L> { to: To::Log(log.clone(), Arc::default()), colour: false, format: PhantomData };
    tracing::subscriber::with_default(tracing_subscriber::registry().with(lines), emit);
    log.take()
}
