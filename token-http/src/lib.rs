//! Personal access tokens for HTTP and gRPC services.
//!
//! A token is presented in place of an OAuth 2 access token (`Authorization: Bearer`, RFC 6750), or as the password of
//! its user (`Basic`, RFC 7617), as WebDAV clients do. [`TokenAuth`] is a tower layer: requests come through with
//! [`Authenticated`] in their extensions, or are answered by the RFCs.
//!
//! ```
//! use std::sync::Arc;
//! use axum::{Router, body::Body, routing::get};
//! use http::Request;
//! use token_core::spi::MemoryStore;
//! use token_core::{Access, IssueRequest, KeyRing, Lifetime, Prefix, TokenService};
//! use token_http::{Authenticated, TokenAuth};
//! use tower::ServiceExt;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let tokens = Arc::new(TokenService::new(MemoryStore::new(Arc::new(KeyRing::public())), Prefix::default()));
//! let app = Router::new()
//!     .route("/me", get(async |who: Authenticated| who.grant().subject.to_string()))
//!     .layer(TokenAuth::new(tokens.clone()));
//!
//! let request = IssueRequest::new("admin".parse()?, Access::Full, Lifetime::sliding("10m".parse()?));
//! let issued = tokens.issue(&request).await?;
//! let bearer = format!("Bearer {}", issued.token.expose_secret());
//!
//! let answer = app.clone().oneshot(Request::get("/me").header("authorization", bearer).body(Body::empty())?).await?;
//! assert_eq!(answer.status(), 200);
//! let answer = app.oneshot(Request::get("/me").body(Body::empty())?).await?;
//! assert_eq!(answer.status(), 401);
//! # Ok(())
//! # }
//! ```
//!
//! | | answer |
//! |---|---|
//! | a live token that reaches what is asked for | the service's own |
//! | nothing presented, or of another scheme | 401, both challenges, no error code |
//! | the token does not count, or is not the user's | 401 `invalid_token`, both challenges |
//! | its scopes do not reach so far | 403 `insufficient_scope`, which names the scope |
//! | two credentials, a malformed one, one in the URL | 400 `invalid_request` |
//! | the store cannot be asked | 503, with `Retry-After` where trying again can help: never 401 |
//!
//! Bodies are problem documents (RFC 9457). Everything that is refused for what the request itself says costs the store
//! nothing.

pub mod answer;
mod auth;
mod auth_error;
mod authenticated;
#[cfg(feature = "axum")]
mod axum;
mod credentials;
mod grpc;
mod layer;
mod presented;
mod realm;
mod validation;

pub use answer::RefusalReason;
pub use auth::{Ancestors, TokenAuth};
pub use auth_error::AuthError;
pub use authenticated::Authenticated;
#[cfg(feature = "axum")]
pub use axum::MissingAuthLayer;
pub use credentials::{CredentialOptions, Credentials, CredentialsError, InUrl};
pub use grpc::{Grpc, GrpcAuth};
pub use layer::{AuthService, Http, RejectionResponse};
pub use presented::PresentedToken;
pub use realm::{Realm, RealmError};
