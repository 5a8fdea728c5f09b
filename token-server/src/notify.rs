//! Notifies systemd (`sd_notify(3)`) of units with `Type=notify` or `Type=notify-reload`.

use sd_notify::NotifyState;

/// It listens, and has read its settings.
pub(crate) fn ready() {
    notify(&[NotifyState::Ready]);
}

/// It reads its settings again.
pub(crate) fn reloading() {
    if let Ok(now) = NotifyState::monotonic_usec_now() {
        notify(&[NotifyState::Reloading, now]);
    }
}

/// It will end soon.
pub(crate) fn stopping() {
    notify(&[NotifyState::Stopping]);
}

fn notify(states: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(false, states) {
        tracing::debug!(%error, "cannot notify systemd");
    }
}
