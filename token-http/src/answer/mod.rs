//! What refusals are made of, for services that write their own.
//!
//! [`AuthError::row`](crate::AuthError::row) says what an error is over HTTP and over gRPC,
//! [`AuthError::document`](crate::AuthError::document) makes the problem document of it.

mod document;
mod row;

pub use self::document::{Document, RefusalReason};
pub use self::row::ErrorRow;
pub(crate) use self::row::grpc;
