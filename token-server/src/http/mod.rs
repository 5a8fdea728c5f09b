//! Over HTTP: decodes a request, calls one of the [operations](crate::operations), and encodes what came of it.

mod body;
mod cors;
pub(crate) mod forward_auth;
pub(crate) mod health;
mod idempotency;
mod middleware;
mod oauth;
mod observe;
mod openapi;
mod query;
mod router;
pub(crate) mod service;
mod tokens;
pub(crate) mod unreadable;
