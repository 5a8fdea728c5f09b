//! Says each warning and each error once a minute, however often it happens, and how often that was.
//!
//! While the store is out, each request has the same to say. The same is what the same place of the program says with the
//! same words. A place with many different things to say is cut short as well.

use std::collections::HashMap;
use std::collections::hash_map::{DefaultHasher, Entry};
use std::fmt::{self, Write};
use std::hash::{Hash, Hasher};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tracing::callsite::Identifier;
use tracing::field::{Field, Visit};
use tracing::{Event, Level};

/// How long the same is not said again.
const MINUTE: Duration = Duration::from_secs(60);
/// How many different things one place may say in that time.
const CAUSES: usize = 20;
/// The target of what is said here, which is not held back.
const TARGET: &str = "token_cli::log";

/// What was said lately.
#[derive(Default)]
pub(crate) struct Repeats(Mutex<HashMap<(Identifier, Option<u64>), Said>>);

struct Said {
    since: Instant,
    what: String,
    suppressed: u64,
}

impl Repeats {
    /// Whether this is to be said: the first of its kind in a minute, and all that is no warning.
    pub(crate) fn admit(&self, event: &Event<'_>) -> bool {
        let metadata = event.metadata();
        *metadata.level() > Level::WARN || metadata.target() == TARGET || self.is_first(event, Instant::now())
    }

    fn is_first(&self, event: &Event<'_>, now: Instant) -> bool {
        let place = event.metadata().callsite();
        let mut cause = Cause(DefaultHasher::new());
        event.record(&mut cause);
        let mut said = self.said();
        let exact = (place.clone(), Some(cause.0.finish()));
        let room =
            said.contains_key(&exact) || said.keys().filter(|(other, _)| *other == place).count() < CAUSES;
        match said.entry(if room { exact } else { (place, None) }) {
            Entry::Occupied(mut known) => {
                known.get_mut().suppressed += 1;
                false
            }
            Entry::Vacant(new) => {
                let mut what = What(String::new());
                event.record(&mut what);
                new.insert(Said { since: now, what: what.0, suppressed: 0 });
                true
            }
        }
    }

    /// Says how often that was suppressed which was first said more than a minute ago. It may be said again.
    pub(crate) fn report_old(&self) {
        report(self.take(|said| said.since.elapsed() >= MINUTE));
    }

    /// The same at the end, for all.
    pub(crate) fn report_all(&self) {
        report(self.take(|_| true));
    }

    fn take(&self, over: impl Fn(&Said) -> bool) -> Vec<Said> {
        self.said().extract_if(|_, said| over(said)).map(|(_, said)| said).collect()
    }

    fn said(&self) -> MutexGuard<'_, HashMap<(Identifier, Option<u64>), Said>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// With no lock held: what is said comes back here.
fn report(taken: Vec<Said>) {
    for Said { what, suppressed, .. } in taken.into_iter().filter(|said| said.suppressed > 0) {
        tracing::warn!(target: TARGET, suppressed, cause = what, "the same happened again within a minute and was not logged each time");
    }
}

/// A hash of all that an event says.
struct Cause(DefaultHasher);

impl Visit for Cause {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        field.name().hash(&mut self.0);
        // It takes everything.
        let _ = write!(self, "{value:?}");
    }
}

impl Write for Cause {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.0.write(text.as_bytes());
        Ok(())
    }
}

/// What an event says in words: its message, and its error.
struct What(String);

impl Visit for What {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.record_debug(field, &format_args!("{value}"));
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        if matches!(field.name(), "message" | "error") {
            let colon = if self.0.is_empty() { "" } else { ": " };
            // Writing to a String cannot fail.
            let _ = write!(self.0, "{colon}{value:?}");
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use tracing::Subscriber;
    use tracing_subscriber::layer::{Context, Layer, SubscriberExt};

    use super::*;

    /// Counts what is to be said, by a clock of its own.
    #[derive(Clone)]
    struct Counting(Arc<Repeats>, Arc<Mutex<Vec<String>>>);

    impl<S: Subscriber> Layer<S> for Counting {
        fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
            if self.0.admit(event) {
                let mut what = What(String::new());
                event.record(&mut what);
                self.1.lock().unwrap().push(what.0);
            }
        }
    }

    fn said(report: impl FnOnce(&Repeats)) -> Vec<String> {
        let counting = Counting(Arc::default(), Arc::default());
        let subscriber = tracing_subscriber::registry().with(counting.clone());
        tracing::subscriber::with_default(subscriber, || report(&counting.0));
        let said = counting.1.lock().unwrap();
        said.clone()
    }

    fn fail(error: &str) {
        tracing::error!(error, "no answer");
    }

    #[test]
    fn the_same_error_is_said_once_and_another_one_too() {
        let said = said(|_| ["lost", "lost", "full", "lost"].into_iter().for_each(fail));
        assert_eq!(said, ["no answer: lost", "no answer: full"]);
    }

    #[test]
    fn suppressed_messages_are_logged_with_their_number() {
        let reported = said(|repeats| {
            (0..5).for_each(|_| fail("lost"));
            fail("full");
            let taken = repeats.take(|_| true);
            let mut numbers: Vec<_> = taken.iter().map(|said| (said.suppressed, said.what.clone())).collect();
            numbers.sort();
            assert_eq!(numbers, [(0, "no answer: full".into()), (4, "no answer: lost".into())]);
            report(taken);
            fail("lost");
        });
        assert_eq!(
            reported.len(),
            4,
            "two errors, one number, and the first of the next minute: {reported:?}"
        );
    }

    #[test]
    fn a_place_that_says_something_else_each_time_is_cut_short() {
        let said = said(|_| (0..1000).for_each(|number| fail(&number.to_string())));
        assert_eq!(said.len(), CAUSES + 1);
    }

    #[test]
    fn nothing_is_held_back_that_is_no_warning() {
        assert_eq!(said(|_| (0..9).for_each(|_| tracing::info!("answered"))).len(), 9);
    }

    #[test]
    fn no_suppressed_message_is_logged_before_a_minute_is_over() {
        let reported = said(|repeats| {
            (0..5).for_each(|_| fail("lost"));
            repeats.report_old();
        });
        assert_eq!(reported.len(), 1);
    }
}
