//! What all vector indexes search, FLAT too: rows of a sealed segment as int8 numbers and single bits, in lists of rows that are
//! near each other.
//!
//! Each row is turned by a [rotation](rotation), the mean of all rows is taken off, then the centre of its list. What is left,
//! the residual, is kept twice: as int8 numbers with one scale, and as the signs of its numbers. A [search](search) looks at the
//! lists whose centres are nearest, ranks their rows by how many signs agree, and the best of them by int8 numbers; where these
//! are in a file, the [numbers of the query](estimate) beside the signs say which of them to read. How many lists and how many
//! rows that takes is [measured](plan) when the codes are made. With L2 and IP rows are taken as they are, with COSINE at length
//! 1.

mod beyond;
mod build;
mod estimate;
mod graph;
mod lists;
mod measure;
mod plan;
mod quantize;
mod query;
mod rotation;
mod score_error;
mod search;
mod stored;

pub use beyond::Planned;
pub use build::Coding;
pub use graph::{DEFAULT_EF, RowDistances};
pub use plan::{Effort, MAX_LEVEL};
pub use query::CodedQuery;
pub use score_error::{LikelyError, ScoreError};
pub use search::{Candidate, CodeSearch, SelectedRows, Selection};
pub use stored::{CodesHeader, CodesParts};

use super::MetricType;
use super::hnsw::Graph;
use beyond::Spread;
use plan::Plan;
use rotation::Rotation;
use std::cell::OnceCell;

/// Segments with fewer rows are scanned exactly, which takes no longer.
pub const MIN_ROWS: usize = 2048;
/// Vectors with fewer numbers say too little in bits.
pub const MIN_DIM: usize = 16;
/// int8 rows are padded to a multiple of this, so that kernels have no rest.
const ROW_ALIGNMENT: usize = 16;

pub struct Codes {
    metric: MetricType,
    dim: usize,
    rotation: Rotation,
    /// Of all rows, turned.
    mean: Vec<f32>,
    lists: Lists,
    /// The segment's row at each position; positions ascend by list.
    row_at: Vec<u32>,
    /// The position of each row of the segment.
    position_of: Vec<u32>,
    signs: Signs,
    /// Of each list.
    spreads: Vec<Spread>,
    /// Of the rows' int8 numbers.
    row_scales: Vec<f32>,
    row_offsets: Vec<f32>,
    /// The coarsest scale of a row.
    coarsest: f32,
    /// How far int8 numbers are from the row that they stand for, at most.
    rounding: f32,
    /// Nothing where they stay in a file, or as long as they are there.
    numbers: OnceCell<Vec<i8>>,
    plans: Vec<Plan>,
    graph: Option<Graph>,
}

/// Rows as int8 numbers, each row with a scale.
#[derive(Default)]
struct Int8Rows {
    /// Rows of `padded(dim)` numbers; empty where they stay in a file.
    values: Vec<i8>,
    scales: Vec<f32>,
    /// With L2, what the distance of a query to the row is more than that to its centre. With COSINE, the product of the row with
    /// what its numbers leave of it: added to products, the nearer a query is to the row, the less wrong these are. None with IP.
    offsets: Vec<f32>,
}

/// Signs of rows, with what makes an estimate of a distance of them.
#[derive(Default)]
struct Signs {
    words: Vec<u64>,
    scales: Vec<f32>,
    offsets: Vec<f32>,
}

struct Lists {
    /// Positions where lists begin, and the end.
    starts: Vec<u32>,
    centres: Int8Rows,
    /// Of each centre.
    squares: Vec<f32>,
    /// Of each centre with the mean.
    mean_products: Vec<f32>,
    /// How far the farthest row of each list is from its centre.
    radii: Vec<f32>,
}

impl Lists {
    fn count(&self) -> usize {
        self.starts.len() - 1
    }

    fn positions(&self, list: usize) -> std::ops::Range<usize> {
        self.starts[list] as usize..self.starts[list + 1] as usize
    }

    fn list_of(&self, position: u32) -> usize {
        self.starts.partition_point(|start| *start <= position) - 1
    }
}

/// Where each row is in a list of rows; `None` where not every row is there once.
fn inverse(rows: &[u32]) -> Option<Vec<u32>> {
    let mut places = vec![u32::MAX; rows.len()];
    for (at, row) in (0..).zip(rows) {
        let place = places.get_mut(*row as usize).filter(|place| **place == u32::MAX)?;
        *place = at;
    }
    Some(places)
}

fn padded(dim: usize) -> usize {
    dim.next_multiple_of(ROW_ALIGNMENT)
}

fn words_of(dim: usize) -> usize {
    dim.div_ceil(u64::BITS as usize)
}

fn dot(a: &[f32], b: &[f32]) -> f32 {
    let mut product = [0f32];
    super::kernels::inner_product(a, b, &mut product);
    product[0]
}

impl Codes {
    pub fn list_count(&self) -> usize {
        self.lists.count()
    }

    pub fn row_count(&self) -> usize {
        self.row_at.len()
    }

    pub fn dim(&self) -> usize {
        self.dim
    }

    /// Numbers that the search needs of each row, with what pads them.
    pub fn row_bytes(&self) -> usize {
        padded(self.dim)
    }

    /// Whether the rows' int8 numbers are in memory.
    pub fn has_numbers(&self) -> bool {
        self.numbers.get().is_some()
    }

    /// Brings the rows' int8 numbers into memory; they are not taken where there are others, or not as many as rows need.
    pub fn take_in(&self, numbers: Vec<i8>) -> bool {
        numbers.len() == self.row_count() * self.row_bytes() && self.numbers.set(numbers).is_ok()
    }

    fn numbers(&self) -> &[i8] {
        self.numbers.get().map_or(&[], Vec::as_slice)
    }

    pub fn positions_of(&self, list: usize) -> std::ops::Range<usize> {
        self.lists.positions(list)
    }

    /// Bytes in memory.
    pub fn bytes(&self) -> usize {
        let of_rows = self.numbers().len() + 4 * (self.row_scales.len() + self.row_offsets.len());
        let centres = &self.lists.centres;
        let of_centres = centres.values.len() + 4 * (centres.scales.len() + centres.offsets.len());
        let signs = 8 * self.signs.words.len() + 4 * (self.signs.scales.len() + self.signs.offsets.len());
        let of_lists = 4 * (self.lists.starts.len() + self.lists.radii.len()) + 8 * self.lists.count();
        let lists = of_centres + of_lists + size_of_val(&self.spreads[..]);
        let graph = self.graph.as_ref().map_or(0, |graph| size_of_val(graph.words()));
        of_rows + signs + lists + 4 * (self.row_at.len() + self.position_of.len()) + graph
    }
}
