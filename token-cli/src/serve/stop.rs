//! Being told to stop: once to finish what was begun, twice to leave it.

use std::time::Duration;

use token_http::sidecar::Retirement;
use tokio::sync::watch;

use super::manner::Manners;
use super::notify;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::signals::Signals;

/// Whether it must stop to take requests.
#[derive(Clone)]
pub(super) struct Stop(watch::Receiver<bool>);

impl Stop {
    /// SIGINT and SIGTERM tell it from now on: readiness ends with the first signal, the rest after the time to drain.
    pub(super) fn listen(retirement: Retirement, manners: Manners) -> Result<Self, Failure> {
        let mut signals = Signals::listen()?;
        let (tell, told) = watch::channel(false);
        tokio::spawn(async move {
            signals.next().await;
            notify::stopping();
            retirement.announce();
            drain(manners.load().drain, &mut signals).await;
            tell.send_replace(true);
            signals.next().await;
            leave();
        });
        Ok(Self(told))
    }

    /// Ends when it is told.
    pub(super) async fn told(&self) {
        // Who tells lasts as long as the process.
        let _ = self.0.clone().wait_for(|&told| told).await;
    }
}

async fn drain(time: Duration, signals: &mut Signals) {
    if time.is_zero() {
        return;
    }
    tracing::info!(
        seconds = time.as_secs_f64(),
        "told to stop; not ready any more, and still taking requests"
    );
    tokio::select! {
        () = tokio::time::sleep(time) => {}
        () = signals.next() => leave(),
    }
}

/// Whatever was begun is given up.
fn leave() {
    std::process::exit(Exit::Store as i32);
}
