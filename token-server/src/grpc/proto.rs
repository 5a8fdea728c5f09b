//! The messages and services, generated from `token-server/proto` and checked in: nobody needs `protoc`. Clients are here, too.
#![expect(missing_docs, reason = "the protos tell, and what is generated repeats their comments")]
#![expect(
    clippy::allow_attributes,
    clippy::allow_attributes_without_reason,
    reason = "the generators write them"
)]

use std::fmt;

/// Descriptors of all of them, for reflection.
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

#[cfg(test)]
mod tests {
    use super::envoy::config::core::v3::{HeaderMap, HeaderValue};
    use super::envoy::service::auth::v3::attribute_context::{HttpRequest, Request};
    use super::envoy::service::auth::v3::{AttributeContext, CheckRequest};
    use super::token::v1::revoke_request::What;
    use super::token::v1::{IssueResponse, RevokeRequest, ValidateRequest};

    const SECRET: &str = "tok_secret";

    #[test]
    fn no_message_shows_a_token() {
        let secret = || SECRET.to_owned();
        let shown = [
            format!("{:?}", IssueResponse { token: secret(), ..IssueResponse::default() }),
            format!("{:?}", ValidateRequest { token: secret(), ..ValidateRequest::default() }),
            format!("{:?}", RevokeRequest { what: Some(What::Token(secret())), why: String::new() }),
            format!("{:?}", What::Token(secret())),
        ];
        assert!(shown.iter().all(|shown| !shown.contains(SECRET)), "{shown:?}");
    }

    #[test]
    fn what_envoy_says_of_a_client_is_not_shown() {
        let field = |value: &str| HeaderValue {
            key: "authorization".into(),
            value: value.into(),
            raw_value: value.into(),
        };
        let http = HttpRequest {
            headers: [("authorization".to_owned(), SECRET.to_owned())].into(),
            path: format!("/?access_token={SECRET}"),
            header_map: Some(HeaderMap { headers: vec![field(SECRET)] }),
        };
        let request = Request { http: Some(http.clone()) };
        let attributes = AttributeContext { request: Some(request), ..AttributeContext::default() };
        let asked = CheckRequest { attributes: Some(attributes) };
        let shown = format!("{asked:?} {:?}", http.header_map);
        assert!(!shown.contains(SECRET) && !shown.contains(&format!("{:?}", SECRET.as_bytes())), "{shown}");
    }
}
