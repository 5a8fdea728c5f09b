//! Which tokens are asked about together.

use std::collections::BTreeMap;

use token_core::spi::Partition;

/// The most tokens in one call: a script holds everybody else up while it runs, this one for a fraction of a millisecond.
pub(super) const MOST: usize = 64;

/// How many calls are under way at once.
pub(super) const AT_ONCE: usize = 64;

/// Puts the places of tokens together that one call can ask about: those of one lane.
pub(super) fn batches<L: Ord>(
    tokens: impl Iterator<Item = (usize, Partition)>,
    lane: impl Fn(Partition) -> L,
) -> Vec<Vec<usize>> {
    let mut together: BTreeMap<L, Vec<usize>> = BTreeMap::new();
    for (place, partition) in tokens {
        together.entry(lane(partition)).or_default().push(place);
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
    fn in_a_cluster_no_call_asks_about_two_partitions() {
        assert_eq!(batches(tokens(&[7, 3, 7, 3, 3]), Some), [vec![1, 3, 4], vec![0, 2]]);
    }

    #[test]
    fn one_server_is_asked_about_all_partitions_at_once() {
        assert_eq!(batches(tokens(&[7, 3, 7]), |_| ()), [[0, 1, 2]]);
    }

    #[test]
    fn no_call_asks_about_too_many() {
        let lengths: Vec<_> = batches(tokens(&[1; 130]), Some).iter().map(Vec::len).collect();
        assert_eq!(lengths, [64, 64, 2]);
    }
}
