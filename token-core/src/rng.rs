//! The source of secrets.

use std::error::Error;

use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng;
use zeroize::Zeroizing;

/// No random bytes are available, so no token can be made.
#[derive(Debug, thiserror::Error)]
#[error("the operating system gave no random bytes")]
pub struct RandomnessError(#[source] Box<dyn Error + Send + Sync>);

impl RandomnessError {
    /// The error of a [`RandomSource`].
    #[must_use]
    pub fn new(cause: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self(cause.into())
    }
}

/// Seeds the generator of each token.
pub trait RandomSource: Send + Sync {
    /// Fills the seed with unpredictable bytes.
    ///
    /// # Errors
    /// No random bytes are available. No token is made then.
    fn fill(&self, seed: &mut [u8; 32]) -> Result<(), RandomnessError>;
}

impl<F> RandomSource for F
where
    F: Fn(&mut [u8; 32]) -> Result<(), RandomnessError> + Send + Sync,
{
    fn fill(&self, seed: &mut [u8; 32]) -> Result<(), RandomnessError> {
        self(seed)
    }
}

/// The operating system.
pub(crate) struct OsRandom;

impl RandomSource for OsRandom {
    fn fill(&self, seed: &mut [u8; 32]) -> Result<(), RandomnessError> {
        getrandom::fill(seed).map_err(RandomnessError::new)
    }
}

/// A generator freshly seeded by this source.
pub(crate) fn seeded(source: &dyn RandomSource) -> Result<ChaCha20Rng, RandomnessError> {
    let mut seed = Zeroizing::new([0; 32]);
    source.fill(&mut seed)?;
    Ok(ChaCha20Rng::from_seed(*seed))
}

/// A ChaCha20 generator freshly seeded by the operating system, for secrets that are made outside of a
/// [`TokenService`](crate::TokenService): key files, and tokens in tests.
///
/// Make one for each secret (it takes under a microsecond) and drop it: a generator that is kept repeats its secrets in
/// a forked process or a resumed snapshot of a machine.
///
/// # Errors
/// The operating system gave no random bytes.
pub fn os_rng() -> Result<ChaCha20Rng, RandomnessError> {
    seeded(&OsRandom)
}
