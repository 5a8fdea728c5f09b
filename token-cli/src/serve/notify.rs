//! What systemd is told (`sd_notify(3)`), where it wants to be told: `Type=notify`, or `Type=notify-reload`.

use sd_notify::NotifyState;

/// It listens, and has read its settings.
pub(super) fn ready() {
    tell(&[NotifyState::Ready]);
}

/// It reads its settings again.
pub(super) fn reloading() {
    if let Ok(now) = NotifyState::monotonic_usec_now() {
        tell(&[NotifyState::Reloading, now]);
    }
}

/// It will end soon.
pub(super) fn stopping() {
    tell(&[NotifyState::Stopping]);
}

fn tell(states: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(false, states) {
        tracing::debug!(%error, "cannot tell systemd");
    }
}
