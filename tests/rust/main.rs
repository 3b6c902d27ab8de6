//! Behaviour of the engine, natively, in one binary.
#![cfg(not(target_arch = "wasm32"))]

mod behaviour;
mod codes;
mod export;
mod filters;
mod flat;
mod hnsw;
mod import;
mod rows;
mod schema;
mod simulation;
mod storage;
mod support;
mod top_k;
mod untrusted_bytes;
