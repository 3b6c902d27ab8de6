//! What is asked of a search and how its hits are kept, grouped and merged; knows scores, not columns.

mod effort;
mod group;
mod iteration;
mod merge;
mod params;
mod request;

pub use effort::effort;
pub use elanus_vectors::{Hit, Order, ScoreRange, TopK};
pub use group::{Grouped, group};
pub use iteration::Iteration;
pub use merge::{RankedHit, merge};
pub use request::{
    GroupBy, MAX_GROUP_SIZE, MAX_NQ, MAX_TOP_K, QueryParams, SearchParams, decode_query_vectors, round_score,
};
