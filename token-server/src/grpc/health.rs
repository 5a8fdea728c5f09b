//! The standard health service: serving while the store answers, as `/readyz` says.

use std::time::Duration;

use tokio::time::{MissedTickBehavior, interval};
use tonic::server::NamedService;
use tonic_health::ServingStatus;
use tonic_health::server::{HealthReporter, HealthService};

use super::proto::envoy::service::auth::v3::authorization_server::AuthorizationServer;
use super::proto::token::v1::token_service_server::TokenServiceServer;
use super::{Check, TokenCalls};
use crate::http::health::look;
use crate::state::Sidecar;

/// How long a change may go unnoticed, besides the time that the store takes to answer.
const EVERY: Duration = Duration::from_secs(1);

/// The server as a whole, and its services.
const NAMES: [&str; 3] = ["", AuthorizationServer::<Check>::NAME, TokenServiceServer::<TokenCalls>::NAME];

/// What the health service reports.
#[derive(Debug, Clone)]
pub(super) struct Health(HealthReporter);

impl Health {
    /// Nothing serves before the store has answered.
    pub(super) async fn new() -> Self {
        let health = Self(HealthReporter::new());
        health.report(ServingStatus::NotServing).await;
        health
    }

    pub(super) fn service(&self) -> HealthService {
        HealthService::from_health_reporter(self.0.clone())
    }

    /// Looks again and again whether the store answers, until the end is announced: then nothing is ready any more.
    pub(super) async fn watch(&self, sidecar: impl Fn() -> Sidecar) -> std::convert::Infallible {
        let mut ticks = interval(EVERY);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let retirement = sidecar().retirement;
        while !retirement.is_announced() {
            tokio::select! {
                _ = ticks.tick() => {}
                () = retirement.announced() => break,
            }
            let status = match look(&sidecar().tokens).await {
                Ok(()) => ServingStatus::Serving,
                Err(error) => {
                    tracing::warn!(%error, "the store does not answer");
                    ServingStatus::NotServing
                }
            };
            self.report(status).await;
        }
        self.report(ServingStatus::NotServing).await;
        std::future::pending().await
    }

    /// Nothing serves any more: watchers get that status, and their streams end.
    pub(super) async fn end(mut self) {
        self.report(ServingStatus::NotServing).await;
        for name in NAMES {
            self.0.clear_service_status(name).await;
        }
    }

    async fn report(&self, status: ServingStatus) {
        for name in NAMES {
            self.0.set_service_status(name, status).await;
        }
    }
}
