//! Replaces what requests are answered with: when the store answers, on SIGHUP, and when certificates have changed.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::grpc::Grpc;
use crate::state::Sidecar;
use token_core::KeyFit;
use tokio::signal::unix::Signal;
use tokio::time::MissedTickBehavior;

use crate::failure::Failure;
use crate::files::Files;
use crate::listener::cores::Cores;
use crate::listener::protocol::{Protocol, SharedProtocol};
use crate::notify;
use crate::services::{Common, Opened, may_come};
use crate::settings::{Settings, differences};
use crate::telemetry::metrics::{self, Watched};

/// How often the store is tried that is waited for, and files are looked at.
const EVERY: Duration = Duration::from_secs(1);
/// How often the keys are compared with a store in which no token has been issued yet.
const EVERY_COMPARISON: Duration = Duration::from_secs(10);
/// How often the same cause is logged.
const REPORT: Duration = Duration::from_secs(60);

/// Replaces what requests are answered with.
pub(crate) struct Reloader<R> {
    pub(crate) cores: Arc<Cores>,
    pub(crate) protocol: SharedProtocol,
    pub(crate) grpc: Option<Grpc>,
    pub(crate) common: Common,
    pub(crate) watched: Watched,
    pub(crate) settings: Settings,
    pub(crate) reread: R,
}

/// What changes meanwhile.
struct State {
    hang_up: Signal,
    in_force: BTreeMap<String, String>,
    certificate: Files,
    store: Files,
    /// Whether the store has answered.
    is_open: bool,
    /// When to compare the keys with those of the store; `None` once they fit.
    comparison: Option<Instant>,
    reported: Option<(String, Instant)>,
}

impl<R: Fn() -> Result<Settings, Failure>> Reloader<R> {
    /// Opens the store and answers with it, or says why it must be waited for.
    ///
    /// # Errors
    /// Waiting would not help, or is not wanted.
    pub(crate) async fn begin(&self) -> Result<Option<String>, Failure> {
        let fail_fast = self.settings.fail_fast;
        match self.open().await {
            Ok(()) => Ok(None),
            Err(failure) if !fail_fast && may_come(&failure, &self.settings) => {
                tracing::warn!(error = failure.line(), "waiting for the store");
                Ok(Some(failure.line()))
            }
            Err(failure) => Err(failure),
        }
    }

    /// Watches until it is dropped, if need be waiting for the store for this cause.
    ///
    /// # Errors
    /// The store that was waited for answers, and waiting was in vain; or the keys turn out to be of another deployment.
    pub(crate) async fn watch(
        mut self,
        waiting: Option<String>,
        hang_up: Signal,
    ) -> Result<Infallible, Failure> {
        let mut state = State {
            hang_up,
            in_force: self.settings.named.clone(),
            certificate: self.certificate().await,
            store: self.store().await,
            is_open: waiting.is_none(),
            comparison: Some(Instant::now()),
            reported: waiting.map(|cause| (cause, Instant::now())),
        };
        let mut ticks = tokio::time::interval(EVERY);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                _ = state.hang_up.recv() => self.reload(&mut state).await,
                _ = ticks.tick() => self.look(&mut state).await?,
            }
        }
    }

    async fn look(&self, state: &mut State) -> Result<(), Failure> {
        if !state.is_open {
            match self.open().await {
                Ok(()) => {
                    state.is_open = true;
                    tracing::info!("the store answers");
                }
                Err(failure) if may_come(&failure, &self.settings) => state.waiting(failure.line()),
                Err(failure) => return Err(failure),
            }
        }
        if state.is_open {
            self.compare_keys(state).await?;
        }
        if state.certificate.have_changed().await {
            let replaced =
                Protocol::of(&self.settings).map(|protocol| self.protocol.store(Arc::new(protocol)));
            report(replaced.map(|()| "the certificate"));
        }
        if state.is_open && state.store.have_changed().await {
            report(self.open().await.map(|()| "the certificates for the store"));
        }
        Ok(())
    }

    /// Opening the store compares the keys, but a store without tokens has nothing to compare them with. This node refuses
    /// every token of the others if another key issues the first one, so it must not go on.
    async fn compare_keys(&self, state: &mut State) -> Result<(), Failure> {
        if state.comparison.is_none_or(|next| Instant::now() < next) {
            return Ok(());
        }
        state.comparison = Some(Instant::now() + EVERY_COMPARISON);
        let Some(store) = self.watched.load_full() else { return Ok(()) };
        let fit = store.key_fit().await;
        if fit == KeyFit::Fits {
            state.comparison = None;
        }
        fit.require("serve").map_err(Failure::Store)
    }

    async fn reload(&mut self, state: &mut State) {
        notify::reloading();
        match self.try_reload(state).await {
            Ok(changed) => {
                metrics::reloaded("done");
                tracing::info!(changed, "reloaded");
            }
            Err(failure) => failed(&failure),
        }
        notify::ready();
    }

    /// All that can fail comes first.
    async fn try_reload(&mut self, state: &mut State) -> Result<String, Failure> {
        let settings = (self.reread)()?;
        let protocol = Protocol::of(&settings)?;
        match self.common.open(&settings).await {
            Ok(opened) => {
                self.answer_with(opened).await?;
                state.is_open = true;
            }
            Err(failure) if !state.is_open && may_come(&failure, &settings) => {
                self.wait_with(self.common.wait(&settings)?)?;
                state.waiting(failure.line());
            }
            Err(failure) => return Err(failure),
        }
        self.protocol.store(Arc::new(protocol));
        self.settings = settings;
        state.certificate = self.certificate().await;
        state.store = self.store().await;
        Ok(state.compare(self.settings.named.clone()))
    }

    async fn open(&self) -> Result<(), Failure> {
        let opened = self.common.open(&self.settings).await?;
        self.answer_with(opened).await
    }

    /// Answers with this on all cores, or goes on with the old one on all of them.
    async fn answer_with(&self, opened: Opened) -> Result<(), Failure> {
        let service = opened.sidecar.clone().service();
        let services = self.cores.on_each(|| opened.on_this_core(&service)).await?;
        self.replace_grpc(opened.sidecar)?;
        self.cores.answer_with(services);
        self.watched.store(opened.connections.map(Arc::new));
        Ok(())
    }

    fn wait_with(&self, sidecar: Sidecar) -> Result<(), Failure> {
        self.replace_grpc(sidecar.clone())?;
        self.cores.answer_with_one(&sidecar.service());
        Ok(())
    }

    fn replace_grpc(&self, sidecar: Sidecar) -> Result<(), Failure> {
        self.grpc.as_ref().map_or(Ok(()), |grpc| grpc.replace(sidecar)).map_err(Failure::system)
    }

    async fn certificate(&self) -> Files {
        let files = self.settings.certificate.iter();
        Files::at(files.flat_map(|files| [files.certificate.clone(), files.key.clone()])).await
    }

    async fn store(&self) -> Files {
        Files::at(self.settings.store.files()).await
    }
}

impl State {
    /// Logs what it waits for: each cause once, and once a minute.
    fn waiting(&mut self, cause: String) {
        let reported = self.reported.as_ref();
        if reported.is_none_or(|(last, when)| *last != cause || when.elapsed() >= REPORT) {
            tracing::warn!(error = cause, "waiting for the store");
            self.reported = Some((cause, Instant::now()));
        }
    }

    /// What has changed. What cannot change without a restart is logged, and stays as it is.
    fn compare(&mut self, mut now: BTreeMap<String, String>) -> String {
        let (changed, fixed) = differences(&self.in_force, &now);
        if !fixed.is_empty() {
            tracing::warn!(settings = fixed.join(", "), "these settings have changed, and take a restart");
        }
        for name in fixed {
            match self.in_force.get(&name) {
                Some(value) => _ = now.insert(name, value.clone()),
                None => _ = now.remove(&name),
            }
        }
        self.in_force = now;
        changed.join(", ")
    }
}

fn report(replaced: Result<&'static str, Failure>) {
    match replaced {
        Ok(changed) => {
            metrics::reloaded("done");
            tracing::info!(changed, "reloaded");
        }
        Err(failure) => failed(&failure),
    }
}

fn failed(failure: &Failure) {
    metrics::reloaded("failed");
    tracing::error!(error = failure.line(), "not reloaded; going on as before. Mend it, and send SIGHUP");
}
