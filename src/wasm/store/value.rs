//! What is kept under one key of the database. Large values are Blobs, which the browser reads faster than an `ArrayBuffer`, by
//! range, and outside of the transaction; small ones are not worth a file of the browser's.

use super::connection::bytes_of;
use super::error;
use super::slot_file::FilesBeside;
use crate::error::Result;
use futures::future::try_join_all;
use js_sys::{Array, ArrayBuffer, Uint8Array};
use std::ops::Range;
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::Blob;

/// Smaller files are not worth a slot, smaller values are kept as an `ArrayBuffer`.
pub const SMALL_BYTES: usize = 64 << 10;
/// What is read in this worker all the same: what the page had in memory comes in Blobs of that size, whose memory would be kept
/// until another worker has collected its garbage, too.
const NEAR_BYTES: u64 = 4 << 20;

/// The bytes of `range` of parts that follow one another.
pub fn value_of(parts: &[&[u8]], range: Range<usize>) -> Result<JsValue> {
    let mut part_start = 0;
    let within = parts.iter().map(|part| {
        let [from, to] = [range.start, range.end].map(|at| at.clamp(part_start, part_start + part.len()) - part_start);
        part_start += part.len();
        &part[from..to]
    });
    let within: Vec<&[u8]> = within.filter(|part| !part.is_empty()).collect();
    if range.len() < SMALL_BYTES {
        return Ok(copied(&within).into());
    }
    let views = Array::new();
    for part in &within {
        // SAFETY: nobody writes to the part while there is the view, which the Blob copies.
        views.push(&unsafe { Uint8Array::view(part) }.into());
    }
    let blob = Blob::new_with_u8_array_sequence(&views).map_err(error::of_js)?;
    // Views are empty once memory has grown, which the making of a later one may have been enough for.
    if blob.size() == range.len() as f64 {
        return Ok(blob.into());
    }
    Ok(Blob::new_with_buffer_source_sequence(&Array::of1(&copied(&within))).map_err(error::of_js)?.into())
}

fn copied(parts: &[&[u8]]) -> ArrayBuffer {
    let bytes = Uint8Array::new_with_length(parts.iter().map(|part| part.len() as u32).sum());
    let mut at = 0;
    for part in parts {
        let end = at + part.len() as u32;
        bytes.subarray(at, end).copy_from(part);
        at = end;
    }
    bytes.buffer()
}

/// `None` if the value does not have that length.
pub async fn part_of_value(
    value: &JsValue,
    length: u64,
    part: Range<u64>,
    reader: Option<&FilesBeside>,
) -> Result<Option<Uint8Array>> {
    let Some(blob) = value.dyn_ref::<Blob>().filter(|blob| blob.size() == length as f64) else {
        return Ok(part_of_buffer(value, length, part));
    };
    if let Some(reader) = reader.filter(|_| part.end - part.start > NEAR_BYTES) {
        let read = reader.read(blob, part.start as f64, (part.end - part.start) as f64);
        return Ok(Some(JsFuture::from(read).await.map_err(error::of_js)?.unchecked_into()));
    }
    let part = blob.slice_with_f64_and_f64(part.start as f64, part.end as f64).map_err(error::of_js)?;
    let buffer = JsFuture::from(part.array_buffer()).await.map_err(error::of_js)?;
    Ok(Some(Uint8Array::new(&buffer)))
}

fn part_of_buffer(value: &JsValue, length: u64, part: Range<u64>) -> Option<Uint8Array> {
    let buffer = value.dyn_ref::<ArrayBuffer>().filter(|buffer| u64::from(buffer.byte_length()) == length);
    buffer.map(|buffer| Uint8Array::new(buffer).subarray(part.start as u32, part.end as u32))
}

/// Whole values; `None` for one that is not there.
pub async fn whole_values(values: Vec<JsValue>, reader: Option<&FilesBeside>) -> Result<Vec<Option<Vec<u8>>>> {
    let whole = async |value: JsValue| {
        let Some(length) = value.dyn_ref::<Blob>().map(|blob| blob.size() as u64) else { return Ok(bytes_of(&value)) };
        let bytes = part_of_value(&value, length, 0..length, reader).await?;
        Ok(bytes.map(|bytes| bytes.to_vec()))
    };
    try_join_all(values.into_iter().map(whole)).await
}
