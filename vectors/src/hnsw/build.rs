//! Builds a graph with the crate instant-distance.
//!
//! The crate keeps its graph to itself: what it serialises is the only way to it, which is why its version is pinned. It
//! neither tells how far it is nor can it be stopped; whoever builds must be free to be ended from outside.

use super::connect::connect;
use super::image::Graph;
use super::lists::Lists;
use instant_distance::{Builder, Heuristic, Point, PointId};
use serde::{Serialize, Serializer};
use serde_json::ser::Formatter;
use std::io;

/// The neighbours that instant-distance gives a node of an upper layer; a node of the lowest has twice as many.
pub const MAX_M: u32 = 32;

/// Fewer candidates could not fill a node's list, and instant-distance then drops links that it has already made.
pub const MIN_EF_CONSTRUCTION: u32 = 2 * MAX_M;

/// Where instant-distance starts every search: in all layers.
const ENTRY_NODE: u32 = 0;

/// Neighbours that are nearer to each other than to their node are not all kept: filling the lists with them makes the graph
/// seven times as large and its building ten times as slow, for a recall that a higher `ef` gives as well. Extending the
/// candidates locks a list twice, which panics.
const HEURISTIC: Heuristic = Heuristic { extend_candidates: false, keep_pruned: false };

/// Always the same, so that the same rows give the same graph wherever one thread builds it.
const SEED: u64 = 0x656c_616e_7573;

/// Equal rows are laid out on a line, by their numbers, of a length that no true distance is as short as. All being equally
/// near, they would else fill each other's lists and part the graph, and take many times as long to build.
const EQUAL_ROWS_STEP: f32 = 1e-30;

/// Rows that know how far they are from each other. Smaller is nearer; any order will do, a metric is not needed. Equal rows
/// should be 0 apart, as many of them make a bad graph otherwise.
pub trait Distances: Sync {
    fn between(&self, a: u32, b: u32) -> f32;
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BuildParams {
    /// Neighbours of a node in the upper layers, half of those in the lowest. More than `MAX_M` is served by `MAX_M`; with
    /// fewer, the graph is built with `MAX_M` all the same and cut down afterwards.
    pub m: u32,
    /// Candidates looked at for a node's neighbours; at least `MIN_EF_CONSTRUCTION` are.
    pub ef_construction: u32,
}

/// The graph of the rows from 0 to `rows`.
pub fn build<D: Distances>(rows: u32, distances: &D, params: BuildParams) -> Graph {
    let (layers, node_of_row) = build_layers(rows, distances, params);
    let mut row_of_node = vec![0; rows as usize];
    node_of_row.iter().zip(0..).for_each(|(node, row)| row_of_node[*node as usize] = row);
    let by_node = if rows == 0 { layers.lowest } else { connect(layers.lowest, ENTRY_NODE) };
    let by_node = by_node.view();
    let mut by_row = Lists::default();
    for node in node_of_row {
        by_row.push(by_node.get(node).iter().map(|node| row_of_node[*node as usize]));
    }
    Graph::new(by_row.view(), &layers.upper, &row_of_node)
}

/// The neighbours by node, and the node of each row.
fn build_layers<D: Distances>(rows: u32, distances: &D, params: BuildParams) -> (Layers, Vec<u32>) {
    let points = (0..rows).map(|row| RowPoint { distances, row }).collect();
    let ef_construction = params.ef_construction.min(rows).max(MIN_EF_CONSTRUCTION);
    let (hnsw, node_of_row) = Builder::default()
        .seed(SEED)
        .ef_construction(ef_construction as usize)
        .select_heuristic(Some(HEURISTIC))
        .build_hnsw(points);
    let mut layers = Layers { m: params.m.clamp(1, MAX_M) as usize, ..Layers::default() };
    let reader = LayersReader { layers: &mut layers, in_upper: false, depth: 0, neighbours: Vec::new() };
    hnsw.serialize(&mut serde_json::Serializer::with_formatter(io::sink(), reader)).expect("a sink takes everything");
    (layers, node_of_row.into_iter().map(PointId::into_inner).collect())
}

/// A row as the crate's point: what it clones is a reference and a number.
struct RowPoint<'a, D> {
    distances: &'a D,
    row: u32,
}

impl<D> Clone for RowPoint<'_, D> {
    fn clone(&self) -> Self {
        RowPoint { distances: self.distances, row: self.row }
    }
}

impl<D: Distances> Point for RowPoint<'_, D> {
    fn distance(&self, other: &Self) -> f32 {
        let distance = self.distances.between(self.row, other.row);
        if distance == 0.0 { self.row.abs_diff(other.row) as f32 * EQUAL_ROWS_STEP } else { distance }
    }
}

/// The crate serialises points with the graph; which row is where is known without.
impl<D> Serialize for RowPoint<'_, D> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_unit()
    }
}

/// Neighbours by node. The nodes of a layer are the first ones of the layer below.
#[derive(Default)]
struct Layers {
    m: usize,
    lowest: Lists,
    upper: Vec<Lists>,
}

/// Hears the names, brackets and numbers of `{ef_search, points: [null], zero: [[node]], layers: [[[node]]]}` instead of writing
/// them, so that no second copy of the graph comes to be.
struct LayersReader<'a> {
    layers: &'a mut Layers,
    in_upper: bool,
    depth: u32,
    /// Neighbours of the node that is being read, best first.
    neighbours: Vec<u32>,
}

impl Formatter for LayersReader<'_> {
    fn write_string_fragment<W: ?Sized + io::Write>(&mut self, _: &mut W, name: &str) -> io::Result<()> {
        self.in_upper = name == "layers";
        Ok(())
    }

    fn begin_array<W: ?Sized + io::Write>(&mut self, _: &mut W) -> io::Result<()> {
        self.depth += 1;
        if self.in_upper && self.depth == 2 {
            self.layers.upper.push(Lists::default());
        }
        Ok(())
    }

    fn write_u32<W: ?Sized + io::Write>(&mut self, _: &mut W, node: u32) -> io::Result<()> {
        if PointId::from(node).is_valid() {
            self.neighbours.push(node);
        }
        Ok(())
    }

    fn end_array<W: ?Sized + io::Write>(&mut self, _: &mut W) -> io::Result<()> {
        match (self.in_upper, self.depth) {
            (false, 2) => {
                self.layers.lowest.push(self.neighbours.iter().copied().take(2 * self.layers.m));
                self.neighbours.clear();
            }
            (true, 3) => {
                let layer = self.layers.upper.last_mut().expect("a layer's bracket comes before its nodes'");
                layer.push(self.neighbours.iter().copied().take(self.layers.m));
                self.neighbours.clear();
            }
            _ => {}
        }
        self.depth -= 1;
        Ok(())
    }
}
