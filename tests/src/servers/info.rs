//! Parses the replies to `INFO` and `CLUSTER INFO`.

/// The value of a line `name:value`.
pub(super) fn field<'a>(info: &'a str, name: &str) -> Option<&'a str> {
    info.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))
}

/// The value of a line `name:value` as a number.
pub(super) fn number(info: &str, name: &str) -> Option<u64> {
    field(info, name)?.parse().ok()
}
