//! HNSW: a graph over the rows of a sealed segment, built once and walked in place.
//!
//! Rows are known by their number only; how far they are from each other and from a query is the caller's to say, so that the
//! graph does not care how vectors are stored. `build` makes a `Graph`, whose words are its file; `Graph::parse` takes such
//! words back, and `Graph::search` walks them.

mod build;
mod connect;
mod image;
mod lists;
mod traverse;

pub use build::{BuildParams, Distances, MAX_M, MIN_EF_CONSTRUCTION, build};
pub use image::{BrokenGraph, Graph};
pub use traverse::{Neighbour, Scratch};
