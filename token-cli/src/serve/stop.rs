//! Being told to stop: once to finish what was begun, twice to leave it.

use tokio::sync::watch;

use crate::exit::Exit;
use crate::failure::Failure;
use crate::signals::Signals;

/// Whether it is told to.
#[derive(Clone)]
pub(super) struct Stop(watch::Receiver<bool>);

impl Stop {
    /// SIGINT and SIGTERM tell it from now on.
    pub(super) fn listen() -> Result<Self, Failure> {
        let mut signals = Signals::listen()?;
        let (tell, told) = watch::channel(false);
        tokio::spawn(async move {
            signals.next().await;
            tell.send_replace(true);
            signals.next().await;
            // Whatever was begun is given up.
            std::process::exit(Exit::Store as i32);
        });
        Ok(Self(told))
    }

    /// Ends when it is told.
    pub(super) async fn told(&self) {
        // Who tells lasts as long as the process.
        let _ = self.0.clone().wait_for(|&told| told).await;
    }
}
