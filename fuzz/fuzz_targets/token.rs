//! Token texts and token ids: nothing panics, a parsed id has the same text again, and no text is a token unless its check
//! characters are correct.
#![no_main]

use std::sync::{Arc, LazyLock};

use libfuzzer_sys::fuzz_target;
use token_core::spi::TokenFormat;
use token_core::{KeyRing, MalformedToken, Prefix, TokenId};

static FORMAT: LazyLock<TokenFormat> =
    LazyLock::new(|| TokenFormat::new(Prefix::default(), Arc::new(KeyRing::public())));

fuzz_target!(|text: &str| {
    if let Ok(id) = text.parse::<TokenId>() {
        assert_eq!(id.to_string(), text);
    }
    match FORMAT.parse(text) {
        Ok(token) => {
            // The fuzzer found a valid text: its last character must matter.
            let mut other = text.to_owned();
            let last = other.pop().unwrap();
            other.push(if last == '0' { '1' } else { '0' });
            assert_eq!(FORMAT.parse(&other), Err(MalformedToken::Check));
            assert_eq!(token.id().to_string().parse(), Ok(token.id()));
        }
        Err(_) => {
            let _ = KeyRing::parse(text);
        }
    }
});
