//! Hits of several segments as one list.

use super::Order;
use crate::value::PrimaryKey;
use std::collections::HashSet;

/// A hit with the key that it is known by across segments, and where its row is.
#[derive(Debug, Clone, PartialEq)]
pub struct RankedHit<T> {
    pub score: f32,
    pub key: PrimaryKey,
    pub at: T,
}

/// The best `limit` hits, best first, ties by key. Inserts are not checked for duplicate keys, so one key may live in several
/// rows: its best score stays.
pub fn merge<T: Ord>(order: Order, lists: Vec<Vec<RankedHit<T>>>, limit: usize) -> Vec<RankedHit<T>> {
    let mut hits: Vec<RankedHit<T>> = lists.into_iter().flatten().collect();
    hits.sort_unstable_by(|a, b| order.compare(a.score, b.score).then_with(|| (&a.key, &a.at).cmp(&(&b.key, &b.at))));
    let mut seen = HashSet::new();
    let first: Vec<bool> = hits.iter().map(|hit| seen.len() < limit && seen.insert(&hit.key)).collect();
    hits.into_iter().zip(first).filter_map(|(hit, first)| first.then_some(hit)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_better_score_of_a_key_stays() {
        let hit = |score, key, at| RankedHit { score, key: PrimaryKey::Int64(key), at };
        let lists = vec![vec![hit(0.9, 1, 'a'), hit(0.5, 2, 'b')], vec![hit(0.9, 3, 'c'), hit(0.7, 2, 'd')]];
        let merged = merge(Order::Descending, lists.clone(), 10);
        assert_eq!(merged.iter().map(|hit| hit.at).collect::<String>(), "acd");
        assert_eq!(merge(Order::Descending, lists.clone(), 2).len(), 2);
        assert_eq!(merge(Order::Ascending, lists, 1)[0].at, 'b');
    }
}
