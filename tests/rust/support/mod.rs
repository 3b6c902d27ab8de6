//! A coordinator, its nodes and clients in one process, under a seed.

pub mod client;
pub mod executor;
pub mod lab;
pub mod merge;
pub mod nodes;
pub mod platform;
pub mod process;
pub mod rng;
pub mod rows;

pub use lab::{Lab, scenario, scenario_with};
