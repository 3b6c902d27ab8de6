//! Indexes over one field of one segment, and what may be asked of them. Nothing here reads storage.

pub mod distance;
pub mod flat;
mod params;

pub use flat::inverse_norms;
pub use params::{IndexParams, IndexType, MetricType};
