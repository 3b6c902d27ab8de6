//! Grouping search: `limit` counts groups, each with up to `group_size` hits.

use std::collections::BTreeMap;

/// Hits group after group, in the order of each group's best hit.
#[derive(Debug, Clone, PartialEq)]
pub struct Grouped<K> {
    /// Positions in the hits that were grouped.
    pub groups: Vec<(K, Vec<usize>)>,
    /// Whether more hits could not change the answer; if not, the caller may search for more.
    pub enough: bool,
}

impl<K> Grouped<K> {
    /// Positions of the hits, `offset` groups left out.
    pub fn positions(&self, offset: usize) -> impl Iterator<Item = usize> {
        self.groups.iter().skip(offset).flat_map(|(_, positions)| positions.iter().copied())
    }
}

/// Groups hits that come best first. As in Milvus, `strict` wants every group full, otherwise it is enough to have seen
/// `limit` groups. `limit` includes the offset. `there` says which groups there are, of how many rows each, if that is known;
/// where these are fewer, all of them are wanted full.
pub fn group<K: Ord + Clone>(
    keys: impl Iterator<Item = K>,
    limit: usize,
    group_size: usize,
    strict: bool,
    there: Option<&BTreeMap<K, usize>>,
) -> Grouped<K> {
    let wanted = there.map_or(limit, |there| there.len().min(limit));
    let strict = strict || wanted < limit;
    let room = |key: &K| there.and_then(|there| there.get(key)).map_or(group_size, |rows| group_size.min(*rows));
    let mut groups: Vec<(K, Vec<usize>)> = Vec::new();
    let mut by_key: BTreeMap<K, usize> = BTreeMap::new();
    let mut full = 0;
    let mut enough = wanted == 0 || group_size == 0;
    for (position, key) in keys.enumerate() {
        if enough {
            break;
        }
        let slot = match by_key.get(&key) {
            Some(slot) => *slot,
            None if groups.len() == limit => continue,
            None => {
                by_key.insert(key.clone(), groups.len());
                groups.push((key, Vec::new()));
                groups.len() - 1
            }
        };
        let (key, members) = &mut groups[slot];
        if members.len() < group_size {
            members.push(position);
            full += usize::from(members.len() == room(key));
        }
        enough = groups.len() == wanted && (!strict || full == wanted);
    }
    Grouped { groups, enough }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limit_counts_groups() {
        let grouped = group("abacabd".chars(), 2, 2, true, None);
        assert_eq!(grouped.groups, vec![('a', vec![0, 2]), ('b', vec![1, 5])]);
        assert!(grouped.enough);
        assert_eq!(grouped.positions(1).collect::<Vec<_>>(), vec![1, 5]);
    }

    #[test]
    fn not_strict_stops_at_the_last_group() {
        let grouped = group("abacabd".chars(), 3, 2, false, None);
        assert_eq!(grouped.groups, vec![('a', vec![0, 2]), ('b', vec![1]), ('c', vec![3])]);
        assert!(grouped.enough);
    }

    #[test]
    fn too_few_hits_are_not_enough() {
        assert!(!group("aab".chars(), 2, 2, true, None).enough);
        assert!(!group("aab".chars(), 3, 1, false, None).enough);
        assert!(group("".chars(), 0, 1, false, None).enough);
    }

    #[test]
    fn no_more_is_enough_than_there_is() {
        let there = BTreeMap::from([('a', 5), ('b', 1)]);
        for (hits, size, strict, enough) in
            [("aab", 2, true, true), ("ab", 2, false, false), ("ab", 1, false, true), ("aa", 1, false, false)]
        {
            assert_eq!(group(hits.chars(), 3, size, strict, Some(&there)).enough, enough, "{hits}");
        }
        assert!(group("ab".chars(), 2, 2, false, Some(&there)).enough, "as many as are asked for need not be full");
        assert!(group("".chars(), 3, 1, false, Some(&BTreeMap::new())).enough);
    }
}
