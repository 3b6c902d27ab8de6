//! Indexes over one field of one segment, and what may be asked of them. Nothing here reads storage.

mod json_path;
mod params;

pub use elanus_vectors::flat::inverse_norms;
pub use elanus_vectors::{MetricType, codes, flat, hnsw, kernels};
pub use json_path::{is_of_key, path_in_field};
pub use params::{INDEX_PROPERTIES, IndexParams, IndexType, parameter, remove_nested};

use codes::Coding;

/// What an index has of one segment's rows, in memory.
pub enum SegmentIndex {
    /// `inverse_norms` of the rows; their vectors are beside it.
    InverseNorms(Vec<f32>),
    Codes(Box<codes::Codes>),
}

impl SegmentIndex {
    /// Of vectors in parts that follow one another; `None` where these are all that a search needs. Waits for `pause` every few
    /// milliseconds.
    pub async fn build(
        metric: MetricType,
        (dim, vectors): (usize, &[&[f32]]),
        pause: impl AsyncFn(),
    ) -> Option<SegmentIndex> {
        let mut coding = Coding::begin(vectors, dim, metric);
        while coding.as_mut().is_some_and(Coding::go_on) {
            pause().await;
        }
        match (coding.and_then(Coding::end), metric) {
            (Some(codes), _) => Some(SegmentIndex::Codes(Box::new(codes))),
            (None, MetricType::Cosine) => {
                Some(SegmentIndex::InverseNorms(vectors.iter().flat_map(|part| inverse_norms(part, dim)).collect()))
            }
            (None, _) => None,
        }
    }

    /// Whether it can be an index of so many vectors.
    pub fn suits(&self, rows: usize, dim: usize) -> bool {
        match self {
            SegmentIndex::InverseNorms(norms) => norms.len() == rows,
            SegmentIndex::Codes(codes) => codes.row_count() == rows && codes.dim() == dim,
        }
    }

    /// In memory.
    pub fn bytes(&self) -> usize {
        match self {
            SegmentIndex::InverseNorms(norms) => size_of_val(norms.as_slice()),
            SegmentIndex::Codes(codes) => codes.bytes(),
        }
    }
}
