//! Where secrets come from.

use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng;

/// The operating system gave no random bytes, so no token can be made.
#[derive(Debug, thiserror::Error)]
#[error("the operating system gave no random bytes")]
pub struct RandomnessError(#[source] getrandom::Error);

/// A ChaCha20 generator freshly seeded by the operating system.
///
/// Make one for each token (it takes under a microsecond) and drop it: a generator that is kept repeats its secrets in
/// a forked process or a resumed snapshot of a machine.
///
/// # Errors
/// The operating system gave no random bytes.
pub fn os_rng() -> Result<ChaCha20Rng, RandomnessError> {
    ChaCha20Rng::try_from_rng(&mut getrandom::SysRng).map_err(RandomnessError)
}
