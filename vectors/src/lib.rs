//! What looks at every row, and takes most of the time of a search or an index: distances, the best k, codes, graphs, filters.
//! Knows rows by their numbers, and nothing of collections, files or requests.

pub mod codes;
pub mod flat;
pub mod hnsw;
pub mod kernels;
mod metric;
mod ranked;
mod top_k;
pub mod within;

// Without it the runner passes the package by when it is to test browsers.
#[cfg(all(test, target_arch = "wasm32"))]
wasm_bindgen_test::wasm_bindgen_test_configure!(run_in_dedicated_worker);

pub use metric::MetricType;
pub use top_k::{Hit, Order, ScoreRange, TopK};

/// One bit a row.
pub type Mask = fixedbitset::FixedBitSet;
