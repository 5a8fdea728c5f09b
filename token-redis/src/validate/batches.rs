//! Groups tokens that one call can validate.

use std::collections::BTreeMap;

use token_core::spi::Partition;

/// The maximum number of tokens in one call: the script blocks all other clients of the server while it runs, with this many
/// tokens for a fraction of a millisecond.
pub(super) const MOST: usize = 64;

/// How many calls are under way at once.
pub(super) const AT_ONCE: usize = 64;

/// Groups the indices of tokens with the same batch key, which one call can validate.
pub(super) fn batches<K: Ord>(
    tokens: impl Iterator<Item = (usize, Partition)>,
    key: impl Fn(Partition) -> K,
) -> Vec<Vec<usize>> {
    let mut together: BTreeMap<K, Vec<usize>> = BTreeMap::new();
    for (place, partition) in tokens {
        together.entry(key(partition)).or_default().push(place);
    }
    together.values().flat_map(|places| places.chunks(MOST)).map(<[_]>::to_vec).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tokens(partitions: &[u16]) -> impl Iterator<Item = (usize, Partition)> {
        partitions.iter().map(|&number| Partition::new(number).unwrap()).enumerate()
    }

    #[test]
    fn tokens_of_two_batch_keys_do_not_share_a_call() {
        assert_eq!(batches(tokens(&[7, 3, 7, 3, 3]), Some), [vec![1, 3, 4], vec![0, 2]]);
    }

    #[test]
    fn tokens_of_one_batch_key_share_a_call() {
        assert_eq!(batches(tokens(&[7, 3, 7]), |_| ()), [[0, 1, 2]]);
    }

    #[test]
    fn no_call_has_too_many_tokens() {
        let lengths: Vec<_> = batches(tokens(&[1; 130]), Some).iter().map(Vec::len).collect();
        assert_eq!(lengths, [64, 64, 2]);
    }
}
