//! Before the measurement: all tokens are issued.

use std::sync::{Arc, Mutex, PoisonError};

use token_core::{StoreError, StoreErrorKind};
use token_load::{Closed, Monitor, closed};
use token_server::Signals;

use super::AT_ONCE;
use super::ground::{Ground, PREPARE};
use super::part::{Extent, part};
use crate::failure::Failure;
use crate::plural;

/// Issues all tokens, or stops at the first that cannot be issued.
pub(super) async fn prepare(ground: &Arc<Ground>, signals: &mut Signals) -> Result<(), Failure> {
    let count = ground.count();
    let (monitor, failure) = (Monitor::default(), Arc::new(Mutex::new(None)));
    let plan = Closed { calls: count, ..Closed::new(AT_ONCE, PREPARE) };
    let job = {
        let (ground, monitor, failure) = (ground.clone(), monitor.clone(), failure.clone());
        move |number| {
            let (ground, monitor, failure) = (ground.clone(), monitor.clone(), failure.clone());
            async move {
                ground.add(number).await.map_err(|error| {
                    let kind = error.code();
                    *failure.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
                    monitor.stop();
                    kind
                })
            }
        }
    };
    let issued = part("issuing", Extent::Calls(count), &monitor, signals, closed(&plan, &monitor, job)).await;
    let failure = failure.lock().unwrap_or_else(PoisonError::into_inner).take();
    match failure {
        Some(error) => Err(error.into()),
        None if issued.calls == count => Ok(()),
        None if monitor.is_stopped() => Err(Failure::System {
            what: "stopped before anything was measured".into(),
            source: std::io::ErrorKind::Interrupted.into(),
        }),
        None => Err(too_slow(issued.calls, count).into()),
    }
}

fn too_slow(issued: u64, count: u64) -> StoreError {
    let minutes = PREPARE.as_secs() / 60;
    let sentence = format!(
        "only {issued} of {} issued within {minutes} minutes; ask for fewer --tokens",
        plural::count(count, "token")
    );
    StoreError::new(StoreErrorKind::TimedOut, sentence)
}
