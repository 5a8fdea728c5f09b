//! How long a token lives.

use std::time::Duration;

use crate::span::Span;
use crate::timestamp::Timestamp;

/// How long a token lives. There is no token without a lifetime.
///
/// | lifetime | other words | dies |
/// |---|---|---|
/// | [hard](Lifetime::hard) | absolute timeout | at a fixed time after issue, used or not |
/// | [sliding](Lifetime::sliding) | idle timeout | when it was not used for a window |
/// | [capped](Lifetime::capped) | both | when it was not used for a window, and at the cap even when it is used |
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Lifetime {
    // At least one of the two; where both, window ≤ cap.
    window: Option<Span>,
    cap: Option<Span>,
}

/// Why what is asked for makes no lifetime.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum LifetimeError {
    /// Neither a hard limit nor a sliding window: a token would live for ever.
    #[error("a token needs a lifetime: a hard limit (like 24h), a sliding window (like 10m), or both")]
    Missing,
    /// A window longer than the cap: it could never be used up.
    #[error("the sliding window of {window} is longer than the hard limit of {cap}; make it at most as long")]
    WindowBeyondCap {
        /// The sliding window asked for.
        window: Span,
        /// The cap asked for.
        cap: Span,
    },
}

impl Lifetime {
    /// What a hard limit and a sliding window mean together, each where it is given: hard, sliding, or sliding with a cap.
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

    /// Dies `limit` after issue.
    #[must_use]
    pub fn hard(limit: Span) -> Self {
        Self { window: None, cap: Some(limit) }
    }

    /// Dies when it was not used for `window`; each use restarts the window.
    #[must_use]
    pub fn sliding(window: Span) -> Self {
        Self { window: Some(window), cap: None }
    }

    /// Slides by `window`, but dies `cap` after issue at the latest.
    ///
    /// # Errors
    /// A window longer than the cap: it could never be used up.
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

    /// How long after issue the token dies even when it is used, if it is limited so.
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

/// A lifetime that has begun: the window is still a length, the cap has become a point in time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Deadlines {
    window: Option<Span>,
    cap: Option<Timestamp>,
}

impl Deadlines {
    /// The deadlines with these parts; `None` without either, since no token lives for ever.
    #[must_use]
    pub fn new(window: Option<Span>, cap: Option<Timestamp>) -> Option<Self> {
        (window.is_some() || cap.is_some()).then_some(Self { window, cap })
    }

    /// The sliding window, if the token slides.
    #[must_use]
    pub fn window(self) -> Option<Span> {
        self.window
    }

    /// The hard expiry: when the token dies even when it is used.
    #[must_use]
    pub fn cap(self) -> Option<Timestamp> {
        self.cap
    }

    /// What both allow: the shorter of the windows, and the earlier of the hard expiries.
    ///
    /// A token with these deadlines never outlives one with either of the two: used whenever the one is used, the other
    /// lives at least as long. And no longer deadlines have that property.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self { window: least(self.window, other.window), cap: least(self.cap, other.cap) }
    }

    /// How long a token that is issued or used at `now` lives from then on. Nothing at and behind the cap.
    #[must_use]
    pub fn ttl(self, now: Timestamp) -> Duration {
        let to_cap = self.cap.map(|cap| now.until(cap));
        let window = self.window.map(Span::as_duration);
        [to_cap, window].into_iter().flatten().min().unwrap_or_default()
    }

    /// When a live token that dies at `until` dies once it is used at `now`.
    ///
    /// Never earlier than before, since the clock may have been set back meanwhile; and never behind the hard expiry.
    #[must_use]
    pub fn renewed(self, until: Timestamp, now: Timestamp) -> Timestamp {
        let renewed = match self.window {
            Some(_) => until.max(now.after(self.ttl(now))),
            None => until,
        };
        self.cap.map_or(renewed, |cap| renewed.min(cap))
    }
}

/// The lesser of two limits, where no limit is more than any.
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
        // Short ones, so that uses fall before and behind their ends.
        let span = || prop::option::of((1..=100_u64).prop_map(|millis| Span::from_millis(millis).unwrap()));
        (span(), span()).prop_filter_map("no lifetime", |(limit, window)| Lifetime::of(limit, window).ok())
    }

    /// When a token that is issued at `start` dies, if it is used at these times as long as it lives.
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
            // To issue is to use the parent: its window restarts.
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
