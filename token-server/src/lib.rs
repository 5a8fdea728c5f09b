//! The server of `token-cli serve`: the token store for services of any language, behind any proxy.
//!
//! | path | for | follows |
//! |---|---|---|
//! | `/auth`, `/auth/…` | proxies that ask before they let a request through | nginx `auth_request`, Traefik ForwardAuth, Caddy `forward_auth`, Envoy `ext_authz` over HTTP |
//! | `/introspect` | resource servers | RFC 7662 |
//! | `/revoke` | holders and administrators | RFC 7009 |
//! | `/.well-known/oauth-authorization-server` | OAuth 2 clients | RFC 8414 |
//! | `/v1/tokens`, `/v1/tokens/{id}`, `…/confirm` | holders and administrators | REST: issue, list, show, revoke, confirm |
//! | `/openapi.json` | programs | OpenAPI 3.1 |
//! | `/healthz`, `/readyz` | monitoring | |
//! | `/metrics` | Prometheus | its text format |
//!
//! It counts and times what it is asked, and what it asks the store:
//!
//! | metric | labels |
//! |---|---|
//! | `http_requests_total` | `route`: its pattern, or `none`; `method`; `status` |
//! | `http_request_seconds` | `route` |
//! | `grpc_calls_total` | `method`: `PACKAGE.SERVICE/METHOD`, or `none`; `status`: its number |
//! | `grpc_call_seconds` | `method` |
//!
//! With [`trace`](Sidecar::trace), both have [spans](Join).

//! # Running it
//!
//! [`run`] is the server as a process: it listens, logs, traces, reloads and stops. Its [`Settings`] name the store by a
//! [`StoreSource`]. [`Sidecar::service`] is the tower service alone.

mod error;
mod failure;
mod files;
pub mod grpc;
mod http;
mod limits;
mod listener;
mod notify;
mod operations;
mod reload;
mod request;
mod retirement;
mod run;
mod services;
mod settings;
mod state;
mod store;
mod telemetry;
mod tls;
mod waiting;

pub use self::failure::Failure;
pub use self::http::service::SidecarService;
pub use self::http::unreadable::Unreadable;
pub use self::limits::Limits;
pub use self::listener::signals::Signals;
pub use self::request::client::{Peer, TrustedProxy, TrustedProxyError};
pub use self::retirement::Retirement;
pub use self::run::{check_traces, run};
pub use self::settings::address::Address;
pub use self::settings::issuer::{Issuer, IssuerError};
pub use self::settings::origin::{Origin, OriginError};
pub use self::settings::socket_path::SocketPath;
pub use self::settings::{CertificateFiles, ConnectionLimits, LogFormat, Settings};
pub use self::state::Sidecar;
pub use self::store::{
    CacheState, ConnectionsState, OpenStore, PoolState, StoreConnections, StoreSource, Tokens,
};
pub use self::telemetry::log::{check as check_log, start_for_command};
pub use self::telemetry::metrics::Render;
pub use self::telemetry::trace::Join;
