//! Flags that say something to a store on servers only.

use clap::ArgMatches;
use clap::parser::ValueSource;

/// The flags, by their ids and as they are typed, and why the embedded store has no use for them.
const ALL: [(&str, &str, &str); 6] = [
    ("namespace", "--namespace", "the embedded store has a file of its own"),
    ("confirm_timeout", "--confirm-timeout", "the embedded store waits for its disk"),
    ("tls_ca", "--tls-ca", "the embedded store has no connection"),
    ("tls_cert", "--tls-cert", "the embedded store has no connection"),
    ("tls_key", "--tls-key", "the embedded store has no connection"),
    ("role", "--role", "the embedded store has no users with roles"),
];

/// Those of the flags that were typed.
#[derive(Debug, Clone, Default)]
pub(crate) struct FlagsForServers(Vec<(&'static str, &'static str)>);

impl FlagsForServers {
    /// Those in a command line.
    pub(super) fn typed(matches: &ArgMatches) -> Self {
        let is_typed = |id: &str| {
            let known = matches.ids().any(|known| known.as_str() == id);
            known && matches.value_source(id) == Some(ValueSource::CommandLine)
        };
        let mut typed: Vec<_> =
            ALL.into_iter().filter(|(id, ..)| is_typed(id)).map(|(_, flag, why)| (flag, why)).collect();
        if let Some((_, below)) = matches.subcommand() {
            typed.extend(Self::typed(below).0);
        }
        Self(typed)
    }

    /// The first of them, and why the embedded store has no use for it.
    pub(super) fn first(&self) -> Option<(&'static str, &'static str)> {
        self.0.first().copied()
    }
}
