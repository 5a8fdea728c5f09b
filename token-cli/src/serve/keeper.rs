//! What requests are answered with is kept up to date: the store that is waited for, SIGHUP, and certificates that are
//! replaced.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::{Duration, Instant};

use token_http::sidecar::Sidecar;
use token_http::sidecar::grpc::Grpc;
use tokio::signal::unix::Signal;
use tokio::time::MissedTickBehavior;
use toml::Table;

use super::config;
use super::cores::Cores;
use super::files::Files;
use super::manner::{Manner, Manners};
use super::metrics::{self, Watched};
use super::notify;
use super::state::{Common, Opened, may_come};
use crate::args::{ServeArgs, Settings};
use crate::failure::Failure;

/// How often the store is tried that is waited for, and files are looked at.
const EVERY: Duration = Duration::from_secs(1);
/// How often the same cause is told.
const TELL: Duration = Duration::from_secs(60);

/// Keeps what requests are answered with up to date.
pub(super) struct Keeper {
    pub(super) cores: Arc<Cores>,
    pub(super) manners: Manners,
    pub(super) grpc: Option<Grpc>,
    pub(super) common: Common,
    pub(super) watched: Watched,
    pub(super) arguments: ServeArgs,
    pub(super) settings: Settings,
}

/// What changes while it keeps.
struct Seen {
    hang_up: Signal,
    in_force: Table,
    certificate: Files,
    store: Files,
    /// Whether the store has answered.
    is_open: bool,
    told: Option<(String, Instant)>,
}

impl Keeper {
    /// Opens the store and answers with it, or says why it must be waited for.
    ///
    /// # Errors
    /// Waiting would not help, or is not wanted.
    pub(super) async fn begin(&self) -> Result<Option<String>, Failure> {
        let fail_fast = self.arguments.connections.fail_fast;
        match self.open().await {
            Ok(()) => Ok(None),
            Err(failure) if !fail_fast && may_come(&failure, &self.settings) => {
                tracing::warn!(error = failure.line(), "waiting for the store");
                Ok(Some(failure.line()))
            }
            Err(failure) => Err(failure),
        }
    }

    /// Keeps on until it is dropped, if need be waiting for the store for this cause.
    ///
    /// # Errors
    /// The store that was waited for answers, and waiting was in vain.
    pub(super) async fn keep(
        mut self,
        waiting: Option<String>,
        hang_up: Signal,
    ) -> Result<Infallible, Failure> {
        let mut seen = Seen {
            hang_up,
            in_force: config::table(&self.settings, Some(&self.arguments)),
            certificate: self.certificate().await,
            store: self.store().await,
            is_open: waiting.is_none(),
            told: waiting.map(|cause| (cause, Instant::now())),
        };
        let mut ticks = tokio::time::interval(EVERY);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                _ = seen.hang_up.recv() => self.reload(&mut seen).await,
                _ = ticks.tick() => self.look(&mut seen).await?,
            }
        }
    }

    async fn look(&self, seen: &mut Seen) -> Result<(), Failure> {
        if !seen.is_open {
            match self.open().await {
                Ok(()) => {
                    seen.is_open = true;
                    tracing::info!("the store answers");
                }
                Err(failure) if may_come(&failure, &self.settings) => seen.waiting(failure.line()),
                Err(failure) => return Err(failure),
            }
        }
        if seen.certificate.have_changed().await {
            let replaced = Manner::of(&self.arguments).map(|manner| self.manners.store(Arc::new(manner)));
            told(replaced.map(|()| "the certificate"));
        }
        if seen.is_open && seen.store.have_changed().await {
            told(self.open().await.map(|()| "the certificates for the store"));
        }
        Ok(())
    }

    async fn reload(&mut self, seen: &mut Seen) {
        notify::reloading();
        match self.try_reload(seen).await {
            Ok(changed) => {
                metrics::reloaded("done");
                tracing::info!(changed, "reloaded");
            }
            Err(failure) => failed(&failure),
        }
        notify::ready();
    }

    /// All that can fail comes first.
    async fn try_reload(&mut self, seen: &mut Seen) -> Result<String, Failure> {
        let (arguments, settings) = config::reread()?;
        let manner = Manner::of(&arguments)?;
        match self.common.open(&arguments, &settings).await {
            Ok(opened) => {
                self.answer_with(opened).await?;
                seen.is_open = true;
            }
            Err(failure) if !seen.is_open && may_come(&failure, &settings) => {
                self.wait_with(self.common.wait(&arguments, &settings)?)?;
                seen.waiting(failure.line());
            }
            Err(failure) => return Err(failure),
        }
        self.manners.store(Arc::new(manner));
        (self.arguments, self.settings) = (arguments, settings);
        seen.certificate = self.certificate().await;
        seen.store = self.store().await;
        Ok(seen.compare(config::table(&self.settings, Some(&self.arguments))))
    }

    async fn open(&self) -> Result<(), Failure> {
        let opened = self.common.open(&self.arguments, &self.settings).await?;
        self.answer_with(opened).await
    }

    /// Answers with this on all cores, or goes on with the old one on all of them.
    async fn answer_with(&self, opened: Opened) -> Result<(), Failure> {
        let service = opened.sidecar.clone().service();
        let services = self.cores.on_each(|| opened.on_this_core(&service)).await?;
        self.replace_grpc(opened.sidecar)?;
        self.cores.answer_with(services);
        self.watched.store(opened.redis);
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
        Files::at([&self.arguments.listen_cert, &self.arguments.listen_key]).await
    }

    async fn store(&self) -> Files {
        Files::at([&self.settings.tls_ca, &self.settings.tls_cert, &self.settings.tls_key]).await
    }
}

impl Seen {
    /// Tells what it waits for: each cause once, and once a minute.
    fn waiting(&mut self, cause: String) {
        let told = self.told.as_ref();
        if told.is_none_or(|(last, when)| *last != cause || when.elapsed() >= TELL) {
            tracing::warn!(error = cause, "waiting for the store");
            self.told = Some((cause, Instant::now()));
        }
    }

    /// What has changed. What cannot change without a restart is told, and stays as it is.
    fn compare(&mut self, mut now: Table) -> String {
        let (changed, fixed) = config::differences(&self.in_force, &now);
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

fn told(replaced: Result<&'static str, Failure>) {
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
