//! Walks a graph towards a query, best row first.

use super::image::Graph;
use super::lists::ListsView;
use crate::ranked::Ranked;
use fixedbitset::FixedBitSet;
use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// A row and how far it is from the query.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Neighbour {
    pub row: u32,
    pub distance: f32,
}

/// What a search needs and the next one can use again.
#[derive(Debug, Default)]
pub struct Scratch {
    visited: FixedBitSet,
    /// Rows whose neighbours have not been looked at, the nearest on top.
    open: BinaryHeap<Reverse<Ranked>>,
    /// The nearest accepted rows, the furthest of them on top.
    nearest: BinaryHeap<Ranked>,
    rows: Vec<u32>,
    distances: Vec<f32>,
    found: Vec<Neighbour>,
}

impl Graph {
    /// The `ef` nearest rows that `accept` takes, as far as the walk finds them, nearest first; all of them if there are no
    /// more than `ef`. `measure` gives the distances of the rows from the query. Rows that are not accepted are walked through,
    /// so that the fewer are, the longer it takes.
    pub fn search<'s>(
        &self,
        ef: usize,
        mut measure: impl FnMut(&[u32], &mut [f32]),
        accept: impl Fn(u32) -> bool,
        scratch: &'s mut Scratch,
    ) -> &'s [Neighbour] {
        scratch.clear(self.rows());
        if ef > 0 && self.rows() > 0 {
            let entry = self.descend(&mut measure, scratch);
            scratch.rows.clear();
            scratch.rows.push(entry);
            scratch.visited.insert(entry as usize);
            scratch.take_rows(ef, &mut measure, &accept);
            scratch.walk(self.lowest(), ef, &mut measure, &accept);
        }
        let mut nearest = std::mem::take(&mut scratch.nearest).into_sorted_vec();
        let neighbour = |ranked: Ranked| Neighbour { row: ranked.row(), distance: ranked.rank() };
        scratch.found.extend(nearest.drain(..).map(neighbour));
        scratch.nearest = nearest.into();
        &scratch.found
    }

    /// The row where the walk through the lowest layer begins: in each upper layer, on to a nearer node while there is one.
    fn descend(&self, measure: &mut impl FnMut(&[u32], &mut [f32]), scratch: &mut Scratch) -> u32 {
        let row_of_node = self.row_of_node();
        let mut node = 0;
        let mut distance = None;
        for layer in self.upper() {
            let mut best = *distance.get_or_insert_with(|| {
                let mut distance = [0.0];
                measure(&row_of_node[..1], &mut distance);
                distance[0]
            });
            loop {
                let neighbours = layer.get(node);
                scratch.rows.clear();
                scratch.rows.extend(neighbours.iter().map(|node| row_of_node[*node as usize]));
                scratch.measure(measure);
                let before = node;
                for (neighbour, distance) in neighbours.iter().zip(&scratch.distances) {
                    if *distance < best {
                        (node, best) = (*neighbour, *distance);
                    }
                }
                if node == before {
                    break;
                }
            }
            distance = Some(best);
        }
        row_of_node[node as usize]
    }
}

impl Scratch {
    fn clear(&mut self, rows: u32) {
        self.visited.clear();
        self.visited.grow(rows as usize);
        self.open.clear();
        self.nearest.clear();
        self.found.clear();
    }

    fn walk(
        &mut self,
        lists: ListsView,
        ef: usize,
        measure: &mut impl FnMut(&[u32], &mut [f32]),
        accept: &impl Fn(u32) -> bool,
    ) {
        while let Some(Reverse(next)) = self.open.pop() {
            if self.nearest.len() == ef && self.nearest.peek().is_some_and(|furthest| next > *furthest) {
                break;
            }
            self.rows.clear();
            let visited = &mut self.visited;
            self.rows.extend(lists.get(next.row()).iter().copied().filter(|row| !visited.put(*row as usize)));
            self.take_rows(ef, measure, accept);
        }
    }

    /// Measures `rows` and keeps those that are near enough.
    fn take_rows(&mut self, ef: usize, measure: &mut impl FnMut(&[u32], &mut [f32]), accept: &impl Fn(u32) -> bool) {
        self.measure(measure);
        for (row, distance) in self.rows.iter().zip(&self.distances) {
            let ranked = Ranked::new(*distance, *row);
            let full = self.nearest.len() == ef;
            if full && self.nearest.peek().is_some_and(|furthest| ranked > *furthest) {
                continue;
            }
            self.open.push(Reverse(ranked));
            if accept(*row) {
                if full {
                    self.nearest.pop();
                }
                self.nearest.push(ranked);
            }
        }
    }

    fn measure(&mut self, measure: &mut impl FnMut(&[u32], &mut [f32])) {
        self.distances.resize(self.rows.len(), 0.0);
        measure(&self.rows, &mut self.distances);
    }
}
