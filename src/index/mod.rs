//! Indexes over one field of one segment, and what may be asked of them. Nothing here reads storage.

mod params;

pub use elanus_vectors::flat::inverse_norms;
pub use elanus_vectors::{MetricType, codes, flat, hnsw, kernels};
pub use params::{IndexParams, IndexType, parameter};

/// What an index has of one segment's rows, in memory.
pub enum SegmentIndex {
    /// `inverse_norms` of the rows; their vectors are beside it.
    InverseNorms(Vec<f32>),
    Codes(Box<codes::Codes>),
}

impl SegmentIndex {
    /// `None` where the vectors are all that a search needs.
    /// `vectors` are parts that follow one another.
    pub fn build(index_type: IndexType, metric: MetricType, dim: usize, vectors: &[&[f32]]) -> Option<SegmentIndex> {
        let codes = || codes::Codes::build(vectors, dim, metric);
        match (index_type.has_codes().then(codes).flatten(), metric) {
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
