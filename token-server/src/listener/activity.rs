//! What happens on a connection, as far as it matters for how long its client may be silent.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

/// How long a client may take for its part of the handshake of TLS, for the head of a request, and until its first one.
pub(crate) const HEAD_TIME: Duration = Duration::from_secs(10);

/// The beginning of what a client of HTTP/2 says first.
const HTTP_2: &[u8] = b"PRI";

/// What happens on a connection. All times are in milliseconds since it began; 0 is never.
pub(crate) struct Activity {
    began: Instant,
    /// How many requests are under way.
    requests: AtomicU32,
    /// Since when there are none.
    idle_since: AtomicU64,
    /// Since when the head of a request is coming.
    head_since: AtomicU64,
    /// Whether the first line of that has come.
    has_line: AtomicBool,
    /// Whether something was said, and a request has come.
    spoken: AtomicBool,
    asked: AtomicBool,
    http_2: AtomicBool,
    /// Whether there is an answer that was not written yet.
    owed: AtomicBool,
}

/// Which time is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Late {
    /// That of the head of a request, or until the first one.
    Head,
    /// That of a connection without requests.
    Idle,
}

/// A request that is under way.
pub(crate) struct UnderWay(Arc<dyn AsRef<Activity> + Send + Sync>);

impl Activity {
    pub(crate) fn begin() -> Self {
        Self {
            began: Instant::now(),
            requests: AtomicU32::new(0),
            idle_since: AtomicU64::new(0),
            head_since: AtomicU64::new(0),
            has_line: AtomicBool::new(false),
            spoken: AtomicBool::new(false),
            asked: AtomicBool::new(false),
            http_2: AtomicBool::new(false),
            owed: AtomicBool::new(false),
        }
    }

    /// The client says something.
    pub(crate) fn heard(&self, bytes: &[u8]) {
        if bytes.is_empty() || self.requests.load(Relaxed) > 0 {
            return;
        }
        if !self.spoken.swap(true, Relaxed) {
            self.http_2.store(bytes.starts_with(HTTP_2), Relaxed);
        }
        if self.head_since.load(Relaxed) == 0 {
            self.head_since.store(self.now(), Relaxed);
        }
        if !self.has_line.load(Relaxed) {
            self.has_line.store(bytes.contains(&b'\n'), Relaxed);
        }
    }

    /// A request has come.
    pub(crate) fn request(&self) {
        self.requests.fetch_add(1, Relaxed);
        self.head_since.store(0, Relaxed);
        self.has_line.store(false, Relaxed);
        self.asked.store(true, Relaxed);
    }

    /// A request has its answer.
    pub(crate) fn answered(&self) {
        self.owed.store(true, Relaxed);
        if self.requests.fetch_sub(1, Relaxed) == 1 {
            self.idle_since.store(self.now(), Relaxed);
        }
    }

    /// Whether what is written now was not answered by us: hyper refuses what is no request.
    pub(crate) fn is_refusal(&self) -> bool {
        !self.owed.swap(false, Relaxed) && self.requests.load(Relaxed) == 0 && !self.is_http_2()
    }

    /// Whether the first line of a request has not come to its end.
    pub(crate) fn is_in_first_line(&self) -> bool {
        !self.has_line.load(Relaxed)
    }

    /// Whether a client of HTTP/1.1 has begun a request and not come to the end of its head.
    pub(crate) fn is_in_head(&self) -> bool {
        self.head_since.load(Relaxed) > 0 && !self.is_http_2()
    }

    fn is_http_2(&self) -> bool {
        self.http_2.load(Relaxed)
    }

    /// Ends when the client was silent for too long.
    pub(crate) async fn late(&self, idle: Duration) -> Late {
        loop {
            let now = self.began.elapsed();
            let until = match self.deadline(idle) {
                Some((until, late)) if until <= now => return late,
                // A head may begin meanwhile.
                Some((until, _)) => until.min(now + HEAD_TIME.min(idle)),
                None => now + HEAD_TIME.min(idle),
            };
            tokio::time::sleep_until((self.began + until).into()).await;
        }
    }

    fn deadline(&self, idle: Duration) -> Option<(Duration, Late)> {
        if self.requests.load(Relaxed) > 0 {
            return None;
        }
        let asked = self.asked.load(Relaxed);
        let at = |since: &AtomicU64, time| Duration::from_millis(since.load(Relaxed)) + time;
        // What a client of HTTP/2 says between requests is about the connection.
        let in_head = self.head_since.load(Relaxed) > 0 && !(asked && self.is_http_2());
        Some(match (in_head, asked) {
            (true, _) => (at(&self.head_since, HEAD_TIME), Late::Head),
            (false, false) => (HEAD_TIME, Late::Head),
            (false, true) => (at(&self.idle_since, idle), Late::Idle),
        })
    }

    fn now(&self) -> u64 {
        u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX).max(1)
    }
}

impl UnderWay {
    pub(crate) fn on(connection: Arc<dyn AsRef<Activity> + Send + Sync>) -> Self {
        (*connection).as_ref().request();
        Self(connection)
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        (*self.0).as_ref().answered();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const IDLE: Duration = Duration::from_secs(75);

    fn due(activity: &Activity) -> Option<Late> {
        activity.deadline(IDLE).map(|(_, late)| late)
    }

    #[test]
    fn a_head_has_its_own_time_and_an_idle_connection_another() {
        let activity = Activity::begin();
        assert_eq!(due(&activity), Some(Late::Head), "until the first request");
        activity.heard(b"GET / HTTP/1.1\r\n");
        assert!(activity.is_in_head() && !activity.is_in_first_line());
        activity.request();
        assert_eq!(due(&activity), None, "a request is under way");
        activity.answered();
        assert_eq!(due(&activity), Some(Late::Idle));
        assert!(!activity.is_in_head());
        activity.heard(b"G");
        assert_eq!(due(&activity), Some(Late::Head));
        assert!(activity.is_in_head() && activity.is_in_first_line());
    }

    #[test]
    fn what_http_2_says_between_requests_begins_none() {
        let activity = Activity::begin();
        activity.heard(b"PRI * HTTP/2.0\r\n");
        assert_eq!(due(&activity), Some(Late::Head), "until the first request");
        activity.request();
        activity.answered();
        activity.heard(b"a ping");
        assert_eq!(due(&activity), Some(Late::Idle));
    }

    #[test]
    fn what_is_written_without_an_answer_of_ours_is_a_refusal() {
        let activity = Activity::begin();
        activity.heard(b"GET / HTTP/1.1\r\n\r\n");
        activity.request();
        assert!(!activity.is_refusal());
        activity.answered();
        assert!(!activity.is_refusal(), "the answer");
        activity.heard(b"garbage");
        assert!(activity.is_refusal());
    }
}
