//! What OAuth 2 clients and browsers are told about this server.

use std::str::FromStr;

use clap::Args;
use token_server::{Issuer, Origin, OriginError};

use crate::failure::Failure;

// (A doc comment would replace the help of the command.)
#[derive(Debug, Args)]
pub(crate) struct Web {
    /// The URL that OAuth 2 clients know this server by, for /.well-known/oauth-authorization-server [default: the host of
    /// each request]
    #[arg(long, env = "TOKEN_ISSUER", value_name = "URL", hide_env_values = true)]
    pub(crate) issuer: Option<Issuer>,

    /// An origin whose pages may call this server from a browser, SCHEME://HOST, or * for all; repeat it, or
    /// separate origins by semicolons [default: none]
    #[arg(long = "cors-origin", env = "TOKEN_CORS_ORIGINS", value_name = "ORIGIN", hide_env_values = true)]
    pub(crate) cors_origins: Vec<Origins>,
}

/// Some origins, separated by semicolons.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Origins(Vec<Origin>);

impl FromStr for Origins {
    type Err = OriginError;

    fn from_str(text: &str) -> Result<Self, OriginError> {
        let words = text.split(';').map(str::trim).filter(|word| !word.is_empty());
        let origins: Vec<_> = words.map(str::parse).collect::<Result<_, _>>()?;
        // Beside others, * would admit all.
        let has_all = origins.iter().any(Origin::is_all);
        if origins.is_empty() || has_all && origins.len() > 1 { Err(OriginError) } else { Ok(Self(origins)) }
    }
}

impl Web {
    /// Refuses * beside other origins: it would admit all of them.
    pub(crate) fn refuse_all_beside_others(&self) -> Result<(), Failure> {
        let origins: Vec<_> = self.cors_origins.iter().cloned().flatten().collect();
        match origins.iter().any(Origin::is_all) && origins.len() > 1 {
            true => Err(Failure::usage(
                "--cors-origin (TOKEN_CORS_ORIGINS) has * and other origins: give * alone, or leave it out",
            )),
            false => Ok(()),
        }
    }
}

impl IntoIterator for Origins {
    type Item = Origin;
    type IntoIter = std::vec::IntoIter<Origin>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}
