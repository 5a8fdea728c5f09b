//! What OAuth 2 clients ask: introspection (RFC 7662), revocation (RFC 7009), and what this server can do (RFC 8414).
//!
//! | the caller presents | at `/introspect` | at `/revoke` |
//! |---|---|---|
//! | Basic: a user, and a token of theirs (`client_secret_basic`) | may, as an introspector or administrator | ends the token that it sends: having its text is enough |
//! | the same as `client_id` and `client_secret` (`client_secret_post`) | likewise | likewise |
//! | Bearer: a token | likewise | likewise |
//! | nothing (`none`) | may not | likewise |

mod client;
mod form;
mod introspection;
mod metadata;
mod rejection;
mod revocation;

pub(super) use introspection::introspect;
pub(super) use metadata::{metadata, metadata_below};
pub(super) use revocation::revoke;
