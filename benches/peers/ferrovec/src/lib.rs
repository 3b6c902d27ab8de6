//! What the crate exports to pages, as it is.

#[cfg(target_arch = "wasm32")]
pub use ferrovec::FerrovecCore;
