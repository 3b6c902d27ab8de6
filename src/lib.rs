//! elanus: Milvus for the browser, the engine behind the JavaScript client.
//!
//! Data flows one way: a client's call reaches the `coordinator` (what changes the catalog or the log) or a `query_node`
//! (what reads), which works on `segment`s of columns through `expr`, `index` and `search`. Everything outside `wasm` runs
//! natively, does no IO but through the traits of `storage`, and reads no clock but the one it is given.

// Roles are single-threaded by design (one role a worker): no future here needs to be Send.
#![allow(async_fn_in_trait)]

pub mod catalog;
pub mod cluster;
pub mod coordinator;
pub mod data_node;
pub mod error;
pub mod event;
pub mod export;
pub mod expr;
pub mod ids;
pub mod import;
pub mod index;
pub mod json;
pub mod platform;
pub mod query_node;
pub mod request;
pub mod schema;
pub mod search;
pub mod segment;
pub mod sorted;
pub mod storage;
pub mod value;
#[cfg(target_arch = "wasm32")]
pub mod wasm;

pub use error::{Error, Result};
