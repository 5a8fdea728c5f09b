//! The decisions of `validate.lua` about a use of a token: the first byte of its reply, for the script and for the client.

/// The first byte of a reply.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Decided {
    /// The use is admitted.
    Active = 1,
    /// There is no such live token.
    Unknown = 2,
    /// The token belongs to another subject.
    WrongSubject = 3,
    /// The token lacks a required permission.
    NotPermitted = 4,
    /// The hard expiry has passed.
    Ended = 5,
    /// The script does not know this form of a record.
    Unreadable = 6,
    /// The key is not a string.
    WrongType = 7,
}

impl Decided {
    /// All decisions, and their names in the script.
    pub(super) const ALL: [(Self, &str); 7] = [
        (Self::Active, "ACTIVE"),
        (Self::Unknown, "UNKNOWN"),
        (Self::WrongSubject, "WRONG_SUBJECT"),
        (Self::NotPermitted, "NOT_PERMITTED"),
        (Self::Ended, "ENDED"),
        (Self::Unreadable, "UNREADABLE"),
        (Self::WrongType, "WRONG_TYPE"),
    ];

    /// The decision for this byte.
    pub(crate) fn of(byte: u8) -> Option<Self> {
        Self::ALL.into_iter().map(|(decided, _)| decided).find(|&decided| decided as u8 == byte)
    }
}
