//! Scopes: nothing panics, and an accepted scope differs from its canonical text only in case and order.
#![no_main]

use libfuzzer_sys::fuzz_target;
use token_core::{Access, Scope};

fuzz_target!(|text: &str| {
    if let Ok(scope) = text.parse::<Scope>() {
        assert_eq!(scope.to_string(), text.to_lowercase().replace("wr", "rw"));
    }
    if let Ok(scopes) = text.split(',').map(str::parse).collect::<Result<Vec<Scope>, _>>() {
        // A given list is never full access.
        assert!(!matches!(Access::from_scopes(scopes), Ok(Access::Full)));
    }
});
