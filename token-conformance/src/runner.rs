//! Runs the conformance suite on a topology, one trial for each claim.

use std::any::Any;
use std::process::ExitCode;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use libtest_mimic::{Arguments, Failed, Trial};
use tokio::runtime::{Builder, Runtime};

use crate::Fixture;
use crate::claims::{ALL, Claim, OWN_CLOCK};

/// The limit of a trial. A trial reaches it only if something hangs.
pub(crate) const TRIAL_LIMIT: Duration = Duration::from_secs(60);

/// The servers of the stores under test: started once for all trials of a test binary, and stopped on drop.
pub trait Topology: Sized + Send + Sync + 'static {
    /// The prefix of the names of the trials.
    const NAME: &'static str;

    /// Whether a test can set the store's clock back. It cannot set a server's clock: `promises/clock.rs` tests what Redis does
    /// then.
    const OWN_CLOCK: bool = false;

    /// Starts it.
    fn start() -> impl Future<Output = Self>;

    /// An empty store on the topology, separate from all others.
    fn fixture(&self) -> impl Future<Output = Box<dyn Fixture>> + Send;
}

/// The first trial that runs starts it, so that a listing of the trials starts nothing.
type Shared<T> = Arc<LazyLock<T>>;

/// The `main` of a test binary: runs every claim that the command line selects, and stops everything that it started.
#[must_use]
pub fn run<T: Topology>() -> ExitCode {
    let shared: Shared<T> = Arc::new(LazyLock::new(|| runtime(T::NAME).block_on(T::start())));
    let own_clock = if T::OWN_CLOCK { OWN_CLOCK } else { &[] };
    let claims = ALL.iter().chain(own_clock);
    let trials = claims.map(|claim| trial(claim, Arc::clone(&shared))).collect();
    libtest_mimic::run(&Arguments::from_args(), trials).exit_code()
}

fn trial<T: Topology>(claim: &'static Claim, shared: Shared<T>) -> Trial {
    let name = format!("{}::{}", T::NAME, claim.name);
    Trial::test(name.clone(), move || {
        // Start before the trial has a runtime: starting needs its own.
        LazyLock::force(&shared);
        let runtime = runtime(&name);
        let check = runtime.spawn(async move {
            let fixture = shared.fixture().await;
            (claim.check)(&*fixture).await;
        });
        let outcome = runtime.block_on(async { tokio::time::timeout(TRIAL_LIMIT, check).await });
        // Tasks that hang are abandoned.
        runtime.shutdown_background();
        match outcome {
            Ok(Ok(())) => Ok(()),
            Ok(Err(panic)) => Err(Failed::from(message(&*panic.into_panic()))),
            Err(_) => Err(Failed::from(format!("it did not end within {TRIAL_LIMIT:?}"))),
        }
    })
}

/// Every trial has its own runtime, so that its remaining tasks end with it.
fn runtime(name: &str) -> Runtime {
    let mut builder = Builder::new_multi_thread();
    builder.worker_threads(2).thread_name(name).enable_all();
    builder.build().expect("the system gives two threads")
}

fn message(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str).or_else(|| panic.downcast_ref().copied());
    text.unwrap_or("it panicked without a message").to_owned()
}
