//! The words of a graph, as they are stored and walked.
//!
//! magic · version · words in all · rows · entry row · upper nodes · layers · each layer's nodes · of each layer, the lowest
//! first, its nodes + 1 offsets and then its neighbours · of each upper node, its row.
//!
//! The lowest layer knows rows. The upper ones know nodes, numbered so that a layer's are the first ones of the layer below.

use super::lists::{Lists, ListsView};
use std::ops::Range;
use thiserror::Error;

const MAGIC: u32 = u32::from_le_bytes(*b"ELNG");
const VERSION: u32 = 1;
const HEADER_WORDS: usize = 5;

/// Words that are no graph of the rows that they are to be one of, and why.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("{0}")]
pub struct BrokenGraph(pub &'static str);

/// A graph over the rows of a segment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Graph {
    words: Vec<u32>,
    /// The lowest first.
    layers: Vec<Layer>,
    /// The row of each upper node.
    row_of_node: Range<usize>,
}

/// Where a layer's lists are.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Layer {
    offsets: Range<usize>,
    items: Range<usize>,
}

impl Graph {
    /// `upper` from the lowest of them on; `row_of_node` may go on with the rows of nodes that are in no upper layer.
    pub(super) fn new(lowest: ListsView, upper: &[Lists], row_of_node: &[u32]) -> Graph {
        let layers: Vec<ListsView> = std::iter::once(lowest).chain(upper.iter().map(Lists::view)).collect();
        let mut words = vec![MAGIC, VERSION, 0, lowest.len() as u32, layers.len() as u32];
        words.extend(layers.iter().map(|layer| layer.len() as u32));
        for layer in &layers {
            words.extend_from_slice(layer.offsets);
            words.extend_from_slice(layer.items);
        }
        // Without upper layers, the first node is still where a search starts.
        let nodes = layers.get(1).map_or(1, |layer| layer.len()).min(row_of_node.len());
        words.extend_from_slice(&row_of_node[..nodes]);
        words[2] = words.len() as u32;
        Graph::parse(words, lowest.len() as u32).expect("a graph of this version's making")
    }

    /// Takes words that may be anything. What it returns can be searched without a panic, and every search ends.
    pub fn parse(words: Vec<u32>, rows: u32) -> Result<Graph, BrokenGraph> {
        let [magic, version, length, of_rows, layers] =
            *words.first_chunk().ok_or(BrokenGraph("shorter than its header"))?;
        if magic != MAGIC {
            return Err(BrokenGraph("not a graph"));
        }
        if version != VERSION {
            return Err(BrokenGraph("a version of graphs unknown to this version of elanus"));
        }
        if length as usize != words.len() {
            return Err(BrokenGraph("cut off or too long"));
        }
        if of_rows != rows {
            return Err(BrokenGraph("a graph of another number of rows"));
        }
        let mut rest = Cursor { words: &words, at: HEADER_WORDS };
        let sizes = rest.take(layers as usize)?;
        let sizes = &words[sizes];
        if sizes.first() != Some(&rows) || !sizes.is_sorted_by(|a, b| a >= b) {
            return Err(BrokenGraph("layers that do not lie on each other"));
        }
        if rows > 0 && sizes.ends_with(&[0]) {
            return Err(BrokenGraph("an empty layer"));
        }
        let layers = sizes.iter().map(|nodes| rest.layer(*nodes)).collect::<Result<Vec<_>, _>>()?;
        let row_of_node = rest.take(sizes.get(1).copied().unwrap_or(1).min(rows) as usize)?;
        if words[row_of_node.clone()].iter().any(|row| *row >= rows) {
            return Err(BrokenGraph("a node without a row"));
        }
        if rest.at != words.len() {
            return Err(BrokenGraph("more words than it needs"));
        }
        Ok(Graph { words, layers, row_of_node })
    }

    /// What `parse` takes.
    pub fn words(&self) -> &[u32] {
        &self.words
    }

    pub fn rows(&self) -> u32 {
        self.lowest().len() as u32
    }

    /// Of rows.
    pub(super) fn lowest(&self) -> ListsView<'_> {
        self.view(&self.layers[0])
    }

    /// Of nodes, the highest first.
    pub(super) fn upper(&self) -> impl Iterator<Item = ListsView<'_>> {
        self.layers[1..].iter().rev().map(|layer| self.view(layer))
    }

    pub(super) fn row_of_node(&self) -> &[u32] {
        &self.words[self.row_of_node.clone()]
    }

    fn view(&self, layer: &Layer) -> ListsView<'_> {
        ListsView { offsets: &self.words[layer.offsets.clone()], items: &self.words[layer.items.clone()] }
    }
}

struct Cursor<'a> {
    words: &'a [u32],
    at: usize,
}

impl Cursor<'_> {
    fn take(&mut self, count: usize) -> Result<Range<usize>, BrokenGraph> {
        if count > self.words.len() - self.at {
            return Err(BrokenGraph("shorter than it says"));
        }
        let start = self.at;
        self.at += count;
        Ok(start..self.at)
    }

    fn layer(&mut self, nodes: u32) -> Result<Layer, BrokenGraph> {
        let offsets = self.take((nodes as usize).checked_add(1).ok_or(BrokenGraph("shorter than it says"))?)?;
        let values = &self.words[offsets.clone()];
        if values[0] != 0 || !values.is_sorted() {
            return Err(BrokenGraph("offsets that do not ascend"));
        }
        let items = self.take(values[nodes as usize] as usize)?;
        if self.words[items.clone()].iter().any(|node| *node >= nodes) {
            return Err(BrokenGraph("a neighbour that is not there"));
        }
        Ok(Layer { offsets, items })
    }
}
