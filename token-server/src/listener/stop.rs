//! Requests to stop: the first to finish what was begun, the second to leave it.

use std::time::Duration;

use crate::retirement::Retirement;
use tokio::sync::watch;

use super::protocol::SharedProtocol;
use super::signals::Signals;
use crate::failure::Failure;
use crate::notify;

/// The exit code of a process that leaves requests unfinished.
const GIVEN_UP: i32 = 3;

/// Whether it must stop to take requests.
#[derive(Clone)]
pub(crate) struct Stop(watch::Receiver<bool>);

impl Stop {
    /// Takes SIGINT and SIGTERM from now on: readiness ends with the first signal, the rest after the time to drain.
    pub(crate) fn listen(retirement: Retirement, protocol: SharedProtocol) -> Result<Self, Failure> {
        let mut signals = Signals::listen()?;
        let (tell, told) = watch::channel(false);
        tokio::spawn(async move {
            signals.next().await;
            notify::stopping();
            retirement.announce();
            drain(protocol.load().drain, &mut signals).await;
            tell.send_replace(true);
            signals.next().await;
            leave();
        });
        Ok(Self(told))
    }

    /// Ends when the process has to stop.
    pub(crate) async fn requested(&self) {
        // The sender lasts as long as the process.
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
    std::process::exit(GIVEN_UP);
}
