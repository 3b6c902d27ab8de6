//! From a Blob into a file of OPFS.

use super::error;
use super::opfs::Handle;
use crate::error::Result;
use js_sys::{Promise, Uint8Array};
use std::collections::VecDeque;
use wasm_bindgen_futures::JsFuture;
use web_sys::Blob;

const SLICE_BYTES: f64 = (4 << 20) as f64;
/// The browser reads the next ones while one is written.
const SLICES_IN_FLIGHT: usize = 3;

pub async fn copy_blob(blob: &Blob, into: &Handle) -> Result<()> {
    let mut next = 0.0;
    let mut underway: VecDeque<Promise> = VecDeque::new();
    let mut offset = 0;
    loop {
        while underway.len() < SLICES_IN_FLIGHT && next < blob.size() {
            let slice = blob.slice_with_f64_and_f64(next, next + SLICE_BYTES).map_err(error::of_js)?;
            underway.push_back(slice.array_buffer());
            next += SLICE_BYTES;
        }
        let Some(first) = underway.pop_front() else { return Ok(()) };
        let buffer = JsFuture::from(first).await.map_err(error::of_js)?;
        let bytes = Uint8Array::new(&buffer);
        into.write_buffer(offset, &bytes)?;
        offset += u64::from(bytes.length());
    }
}
