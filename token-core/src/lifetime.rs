//! How long a token lives.

use std::time::Duration;

use crate::span::Span;
use crate::timestamp::Timestamp;

/// How long a token lives. Every token has a lifetime.
///
/// | lifetime | also called | the token expires |
/// |---|---|---|
/// | [hard](Lifetime::hard) | absolute timeout | at a fixed time after issue, used or not |
/// | [sliding](Lifetime::sliding) | idle timeout | when it has not been used for a window |
/// | [capped](Lifetime::capped) | both | when it has not been used for a window, and at the cap even if it is used |
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Lifetime {
    // At least one of the two; if both, window ≤ cap.
    window: Option<Span>,
    cap: Option<Span>,
}

/// Why a request describes no lifetime.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum LifetimeError {
    /// Neither a hard limit nor a sliding window: the token would never expire.
    #[error("a token needs a lifetime: a hard limit (like 24h), a sliding window (like 10m), or both")]
    Missing,
    /// A window longer than the cap: it could never end.
    #[error("the sliding window of {window} is longer than the hard limit of {cap}; make it at most as long")]
    WindowBeyondCap {
        /// The requested sliding window.
        window: Span,
        /// The requested cap.
        cap: Span,
    },
}

impl Lifetime {
    /// The lifetime that an optional hard limit and an optional sliding window mean together: hard, sliding, or sliding with a
    /// cap.
    ///
    /// # Errors
    /// Neither is given, or the window is longer than the limit.
    pub fn of(limit: Option<Span>, window: Option<Span>) -> Result<Self, LifetimeError> {
        match (limit, window) {
            (Some(limit), None) => Ok(Self::hard(limit)),
            (None, Some(window)) => Ok(Self::sliding(window)),
            (Some(cap), Some(window)) => Self::capped(window, cap),
            (None, None) => Err(LifetimeError::Missing),
        }
    }

    /// Expires `limit` after issue.
    #[must_use]
    pub fn hard(limit: Span) -> Self {
        Self { window: None, cap: Some(limit) }
    }

    /// Expires when it has not been used for `window`; each use restarts the window.
    #[must_use]
    pub fn sliding(window: Span) -> Self {
        Self { window: Some(window), cap: None }
    }

    /// Slides by `window`, but expires `cap` after issue at the latest.
    ///
    /// # Errors
    /// The window is longer than the cap: it could never end.
    pub fn capped(window: Span, cap: Span) -> Result<Self, LifetimeError> {
        if window > cap {
            return Err(LifetimeError::WindowBeyondCap { window, cap });
        }
        Ok(Self { window: Some(window), cap: Some(cap) })
    }

    /// The sliding window, if the token slides.
    #[must_use]
    pub fn window(self) -> Option<Span> {
        self.window
    }

    /// How long after issue the token expires even if it is used, if it has such a limit.
    #[must_use]
    pub fn cap(self) -> Option<Span> {
        self.cap
    }

    /// The deadlines of a token issued at `now` with this lifetime.
    #[must_use]
    pub fn starting(self, now: Timestamp) -> Deadlines {
        Deadlines { window: self.window, cap: self.cap.map(|cap| now.after(cap.as_duration())) }
    }
}

/// A lifetime that has started: the window is still a duration, the cap is a point in time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Deadlines {
    window: Option<Span>,
    cap: Option<Timestamp>,
}

impl Deadlines {
    /// The deadlines with these parts; `None` without either, because every token expires.
    #[must_use]
    pub fn new(window: Option<Span>, cap: Option<Timestamp>) -> Option<Self> {
        (window.is_some() || cap.is_some()).then_some(Self { window, cap })
    }

    /// The sliding window, if the token slides.
    #[must_use]
    pub fn window(self) -> Option<Span> {
        self.window
    }

    /// The hard expiry: when the token expires even if it is used.
    #[must_use]
    pub fn cap(self) -> Option<Timestamp> {
        self.cap
    }

    /// The deadlines that both allow: the shorter window, and the earlier hard expiry.
    ///
    /// A token with these deadlines never outlives a token with either of the two that is used at the same times. No longer
    /// deadlines have that property.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self { window: least(self.window, other.window), cap: least(self.cap, other.cap) }
    }

    /// How long a token that is issued or used at `now` lives from then on. Zero from the cap on.
    #[must_use]
    pub fn ttl(self, now: Timestamp) -> Duration {
        let to_cap = self.cap.map(|cap| now.until(cap));
        let window = self.window.map(Span::as_duration);
        [to_cap, window].into_iter().flatten().min().unwrap_or_default()
    }

    /// When a token expires that is not used again, if the store keeps it until `kept`: at its hard expiry at the latest.
    #[must_use]
    pub fn end(self, kept: Timestamp) -> Timestamp {
        self.cap.map_or(kept, |cap| kept.min(cap))
    }

    /// When a token expires, for a store whose TTLs may be changed from outside: `kept` if a use can have set it, else the
    /// time that a use at `now` would set. `None` is a key without a TTL.
    ///
    /// A use sets a time at most `grace` after the window, and never after the hard expiry.
    #[must_use]
    pub fn corrected(self, kept: Option<Timestamp>, now: Timestamp, grace: Duration) -> Timestamp {
        let window = self.window.map(|window| now.after(window.as_duration()).after(grace));
        let latest = [window, self.cap].into_iter().flatten().min();
        kept.filter(|kept| latest.is_none_or(|latest| *kept <= latest))
            .unwrap_or_else(|| now.after(self.ttl(now)))
    }

    /// When a live token expires after a use at `now`, if it would expire at `until` without that use.
    ///
    /// Never earlier than `until`, because the clock may have been set back meanwhile, and never after the hard expiry.
    #[must_use]
    pub fn renewed(self, until: Timestamp, now: Timestamp) -> Timestamp {
        let renewed = match self.window {
            Some(_) => until.max(now.after(self.ttl(now))),
            None => until,
        };
        self.end(renewed)
    }
}

/// The lesser of two limits; `None` is no limit.
fn least<T: Ord>(one: Option<T>, other: Option<T>) -> Option<T> {
    [one, other].into_iter().flatten().min()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn span() -> impl Strategy<Value = Span> {
        (1..=Span::MAX.as_millis()).prop_map(|millis| Span::from_millis(millis).unwrap())
    }

    fn lifetime() -> impl Strategy<Value = Lifetime> {
        // Short spans, so that uses happen before and after the tokens expire.
        let span = || prop::option::of((1..=100_u64).prop_map(|millis| Span::from_millis(millis).unwrap()));
        (span(), span()).prop_filter_map("no lifetime", |(limit, window)| Lifetime::of(limit, window).ok())
    }

    /// When a token that is issued at `start` expires, if it is used at these times as long as it is live.
    fn death(deadlines: Deadlines, start: Timestamp, uses: &[u64]) -> Timestamp {
        let mut end = start.after(deadlines.ttl(start));
        for &used in uses {
            let now = Timestamp::from_millis(used);
            if start <= now && now < end {
                end = now.after(deadlines.ttl(now));
            }
        }
        end
    }

    #[test]
    fn an_end_that_no_use_can_have_set_is_corrected() {
        let (at, grace) = (Timestamp::from_millis, Duration::from_millis(5));
        let span = |millis| Some(Span::from_millis(millis).unwrap());
        let (hard, sliding, both) = (
            Deadlines { window: None, cap: Some(at(300)) },
            Deadlines { window: span(100), cap: None },
            Deadlines { window: span(100), cap: Some(at(300)) },
        );
        for (deadlines, kept, now, end) in [
            (hard, Some(200), 150, 200),
            (hard, Some(301), 150, 300),
            (hard, None, 150, 300),
            (sliding, Some(200), 150, 200),
            (sliding, Some(255), 150, 255),
            (sliding, Some(256), 150, 250),
            (sliding, None, 150, 250),
            (both, Some(256), 150, 250),
            (both, None, 150, 250),
            (both, None, 250, 300),
            (both, None, 310, 310),
        ] {
            assert_eq!(
                deadlines.corrected(kept.map(at), at(now), grace),
                at(end),
                "{deadlines:?} {kept:?} {now}"
            );
        }
    }

    proptest! {
        #[test]
        fn a_child_used_like_its_parent_dies_no_later_than_it(
            parent in lifetime(), asked in lifetime(), between in 0..100_u64, mut uses in prop::collection::vec(0..400_u64, 0..40),
        ) {
            let issued = Timestamp::from_millis(between);
            let parent = parent.starting(Timestamp::from_millis(0));
            prop_assume!(!parent.ttl(issued).is_zero());
            let child = asked.starting(issued).and(parent);
            uses.sort_unstable();
            // Issuing a child uses the parent: its window restarts.
            prop_assert!(death(child, issued, &uses) <= death(parent, issued, &uses));
        }

        #[test]
        fn a_child_gets_all_of_its_requested_lifetime_the_parent_allows(parent in lifetime(), asked in lifetime()) {
            let (parent, asked) = (parent.starting(Timestamp::from_millis(0)), asked.starting(Timestamp::from_millis(9)));
            let child = asked.and(parent);
            prop_assert!(child.window() == asked.window() || child.window() == parent.window());
            prop_assert!(child.cap() == asked.cap() || child.cap() == parent.cap());
            prop_assert_eq!(asked.and(asked), asked);
            prop_assert_eq!(child, parent.and(asked));
        }

        #[test]
        fn no_use_ever_reaches_past_the_cap(a in span(), b in span(), start in 0..1_u64 << 45, used in 0..1_u64 << 43) {
            let (window, cap) = (a.min(b), a.max(b));
            let start = Timestamp::from_millis(start);
            let now = start.after(Duration::from_millis(used));
            let ttl = Lifetime::capped(window, cap).unwrap().starting(start).ttl(now);
            prop_assert!(ttl <= window.as_duration());
            prop_assert!(ttl.is_zero() || now.after(ttl) <= start.after(cap.as_duration()));
        }

        #[test]
        fn a_window_longer_than_the_cap_is_refused(window in span(), cap in span()) {
            prop_assert_eq!(Lifetime::capped(window, cap).is_ok(), window <= cap);
        }
    }
}
