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

/// Why two spans make no lifetime.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the sliding window of {window} is longer than the hard limit of {cap}; make it at most as long")]
pub struct LifetimeError {
    /// The sliding window asked for.
    pub window: Span,
    /// The cap asked for.
    pub cap: Span,
}

impl Lifetime {
    /// Dies `limit` after issue.
    #[must_use]
    pub fn hard(limit: Span) -> Self {
        Self { window: None, cap: Some(limit) }
    }

    /// Dies when it was not used for `window`; each use starts the window anew.
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
            return Err(LifetimeError { window, cap });
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

    /// How long a token that is issued or used at `now` lives from then on. Nothing at and behind the cap.
    #[must_use]
    pub fn ttl(self, now: Timestamp) -> Duration {
        let to_cap = self.cap.map(|cap| now.until(cap));
        let window = self.window.map(Span::as_duration);
        [to_cap, window].into_iter().flatten().min().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn span() -> impl Strategy<Value = Span> {
        (1..=Span::MAX.as_millis()).prop_map(|millis| Span::from_millis(millis).unwrap())
    }

    proptest! {
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
