//! The messages and services, generated from `token-http/proto` and checked in: nobody needs `protoc`. Clients are here, too.
#![expect(missing_docs, reason = "the protos tell, and what is generated repeats their comments")]
#![expect(
    clippy::allow_attributes,
    clippy::allow_attributes_without_reason,
    reason = "the generators write them"
)]

use std::fmt;

/// What reflection tells of all of them.
pub(super) const DESCRIPTORS: &[u8] = include_bytes!("generated/descriptors.bin");

// The generated files find each other by this tree of packages.
pub mod token {
    pub mod v1 {
        include!("generated/token.v1.rs");
    }
}
pub mod envoy {
    pub mod service {
        pub mod auth {
            pub mod v3 {
                include!("generated/envoy.service.auth.v3.rs");
            }
        }
    }
    pub mod config {
        pub mod core {
            pub mod v3 {
                include!("generated/envoy.config.core.v3.rs");
            }
        }
    }
    pub mod r#type {
        pub mod v3 {
            include!("generated/envoy.r#type.v3.rs");
        }
    }
}
pub mod google {
    pub mod rpc {
        include!("generated/google.rpc.rs");
    }
}

/// What holds a secret, or what a client sent that may hold one, is not shown.
macro_rules! hidden {
    ($($message:path),+) => {$(
        impl fmt::Debug for $message {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(concat!(stringify!($message), " { .. }"))
            }
        }
    )+};
}

hidden!(
    token::v1::IssueResponse,
    token::v1::ValidateRequest,
    token::v1::RevokeRequest,
    token::v1::revoke_request::What,
    envoy::service::auth::v3::attribute_context::HttpRequest,
    envoy::config::core::v3::HeaderValue
);
