//! The clock of the cache, in nanoseconds since an arbitrary moment.
//!
//! On Linux it includes the time that a machine sleeps, so that entries expire during the sleep. On other systems the clock
//! stops meanwhile, and answers may be too old by the length of the sleep.

#[cfg(target_os = "linux")]
pub(super) use linux::Clock;
#[cfg(not(target_os = "linux"))]
pub(super) use others::Clock;

#[cfg(target_os = "linux")]
mod linux {
    use rustix::time::{ClockId, clock_gettime};

    /// `CLOCK_BOOTTIME`.
    pub(crate) struct Clock;

    impl Clock {
        pub(crate) fn start() -> Self {
            Self
        }

        pub(crate) fn now(&self) -> u64 {
            let now = clock_gettime(ClockId::Boottime);
            // Neither part is ever negative.
            let whole = u64::try_from(now.tv_sec).unwrap_or(0).saturating_mul(1_000_000_000);
            whole.saturating_add(u64::try_from(now.tv_nsec).unwrap_or(0))
        }
    }
}

#[cfg(not(target_os = "linux"))]
mod others {
    use std::time::Instant;

    /// The clock of the standard library.
    pub(crate) struct Clock(Instant);

    impl Clock {
        pub(crate) fn start() -> Self {
            Self(Instant::now())
        }

        pub(crate) fn now(&self) -> u64 {
            crate::cache::nanos(self.0.elapsed())
        }
    }
}
