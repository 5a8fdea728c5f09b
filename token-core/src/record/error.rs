//! Why bytes are not a record.

use crate::keys::KeyVersion;

/// Why the bytes under a token's id cannot be read as its record. The token is refused for each of these reasons.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RecordError {
    /// Too short, without a format version, or with parts that contradict each other.
    #[error("it is damaged: it does not have the form of a record")]
    Form,
    /// Of a newer format version than this program supports.
    #[error("it has format version {0}, which is newer than this program")]
    Format(u8),
    /// It uses a feature that this program does not know, and that may limit the token.
    #[error("it uses a feature that is newer than this program")]
    Feature,
    /// Sealed with a key that is not in the key file.
    #[error("{}", sealed_with(*.0))]
    KeyVersion(KeyVersion),
    /// The seal does not match: the record was changed, moved from another token or namespace, or sealed with another key.
    #[error("its seal does not fit: it was changed, or sealed with another key")]
    Seal,
    /// The store has a value of another type there: in Redis, a key that is not a string.
    #[error("the store keeps something of another type in its place")]
    Type,
}

fn sealed_with(version: KeyVersion) -> String {
    match version {
        KeyVersion::PUBLIC => "it was sealed with the public key, and this node has a key file".into(),
        version => format!("it was sealed with key version {version}, which is not in this node's key file"),
    }
}

impl RecordError {
    /// A stable word for programs, metrics and logs.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::Form => "damaged",
            Self::Format(_) | Self::Feature => "newer_format",
            Self::KeyVersion(_) => "missing_key",
            Self::Seal => "wrong_seal",
            Self::Type => "wrong_type",
        }
    }

    /// What an operator can do. The advice is to revoke only if nothing else helps: a token whose key is missing is valid.
    #[must_use]
    pub fn advice(self) -> &'static str {
        match self {
            Self::Form | Self::Type => "revoke it and issue another",
            Self::Format(_) | Self::Feature => "update this node",
            Self::KeyVersion(KeyVersion::PUBLIC) => {
                "it was issued without a key file: revoke it and issue another with this one"
            }
            Self::KeyVersion(_) => "give this node the key file that has its key",
            Self::Seal => "compare the key files of all nodes; if they are the same, revoke it",
        }
    }
}
