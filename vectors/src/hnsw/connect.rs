//! Makes every node reachable from every other.
//!
//! A node keeps only its best neighbours, so groups far apart and crowds of equal vectors lose the links between them: a search
//! that ends in such a group would find none but its members, however many hits were asked for. A few links more mend that.

use super::lists::Lists;
use fixedbitset::FixedBitSet;

/// Adds the links without which `entry` could not reach a node or a node not reach `entry`.
pub(super) fn connect(lists: Lists, entry: u32) -> Lists {
    let ways_in = missing_links(&lists, entry);
    let lists = lists.with(ways_in);
    let ways_out = missing_links(&lists.transposed(), entry).into_iter().map(|(from, to)| (to, from)).collect();
    lists.with(ways_out)
}

/// What to add so that every node is reached from `entry`: each such link leads back along one that is there, if any is.
fn missing_links(lists: &Lists, entry: u32) -> Vec<(u32, u32)> {
    let lists = lists.view();
    let mut reached = FixedBitSet::with_capacity(lists.len());
    let mut links = Vec::new();
    let mut open = Vec::new();
    for start in std::iter::once(entry).chain(0..lists.len() as u32) {
        if reached.contains(start as usize) {
            continue;
        }
        if start != entry {
            let near = lists.get(start).iter().find(|node| reached.contains(**node as usize));
            links.push((near.copied().unwrap_or(entry), start));
        }
        reached.insert(start as usize);
        open.push(start);
        while let Some(node) = open.pop() {
            open.extend(lists.get(node).iter().copied().filter(|next| !reached.put(*next as usize)));
        }
    }
    links
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lists(lists: &[&[u32]]) -> Lists {
        let mut all = Lists::default();
        lists.iter().for_each(|list| all.push(list.iter().copied()));
        all
    }

    #[test]
    fn what_is_connected_stays_as_it_is() {
        let ring = lists(&[&[1], &[2], &[0]]);
        assert_eq!(connect(ring.clone(), 0), ring);
    }

    #[test]
    fn a_node_without_a_way_in_gets_one_from_its_neighbour() {
        assert_eq!(connect(lists(&[&[1], &[0], &[1]]), 0), lists(&[&[1], &[0, 2], &[1]]));
    }

    #[test]
    fn a_node_without_a_way_out_gets_one_to_its_neighbour() {
        assert_eq!(connect(lists(&[&[1], &[0, 2], &[]]), 0), lists(&[&[1], &[0, 2], &[1]]));
    }

    #[test]
    fn groups_apart_are_tied_to_the_entry() {
        let apart = lists(&[&[1], &[0], &[3], &[2]]);
        assert_eq!(connect(apart, 0), lists(&[&[1, 2], &[0], &[3, 0], &[2]]));
    }
}
