//! The file of a sealed segment's deleted rows: `"ELND"` · u16 version · u16 zero · u32 checksum of the rest · a roaring bitmap
//! in its portable format.

use super::checksum::checksum;
use crate::error::{Error, Result};
use crate::storage::{Files, OpenFile};
use roaring::RoaringBitmap;

const MAGIC: [u8; 4] = *b"ELND";
const VERSION: u16 = 2;
const PRELUDE_BYTES: usize = 12;
/// Of a bitmap, and of each of its containers, at most.
const BITMAP_BYTES: u64 = 64;
const CONTAINER_BYTES: u64 = 8256;
const CONTAINER_ROWS: u32 = 1 << 16;

pub async fn write_deletes(files: &impl Files, name: &str, deleted: &RoaringBitmap) -> Result<()> {
    let mut bitmap = Vec::with_capacity(deleted.serialized_size());
    deleted.serialize_into(&mut bitmap).expect("writing to memory does not fail");
    let mut bytes = Vec::with_capacity(PRELUDE_BYTES + bitmap.len());
    bytes.extend_from_slice(&MAGIC);
    bytes.extend_from_slice(&VERSION.to_le_bytes());
    bytes.extend_from_slice(&[0, 0]);
    bytes.extend_from_slice(&checksum(&bitmap).to_le_bytes());
    bytes.append(&mut bitmap);
    files.write(name, &bytes).await
}

/// Of a segment with so many rows.
pub async fn read_deletes(files: &impl Files, name: &str, rows: u32) -> Result<RoaringBitmap> {
    let corrupt = |detail: &str| Error::Corrupt { file: name.to_owned(), detail: detail.to_owned() };
    let file = files.open(name).await?;
    let containers = u64::from(rows.div_ceil(CONTAINER_ROWS));
    if file.bytes() > PRELUDE_BYTES as u64 + BITMAP_BYTES + containers * CONTAINER_BYTES {
        return Err(corrupt("longer than the segment's rows need"));
    }
    let mut bytes = vec![0; file.bytes() as usize];
    file.read(0, &mut bytes).await?;
    let prelude = bytes.first_chunk::<PRELUDE_BYTES>().ok_or_else(|| corrupt("shorter than its prelude"))?;
    if prelude[0..4] != MAGIC || u16::from_le_bytes([prelude[4], prelude[5]]) != VERSION {
        return Err(corrupt("not a delete file of a known version"));
    }
    let bitmap = &bytes[PRELUDE_BYTES..];
    if checksum(bitmap).to_le_bytes() != prelude[8..12] {
        return Err(corrupt("the checksum does not match"));
    }
    let deleted = RoaringBitmap::deserialize_from(bitmap).map_err(|error| corrupt(&error.to_string()))?;
    if deleted.max().is_some_and(|last| last >= rows) {
        return Err(corrupt("deletes rows that the segment does not have"));
    }
    Ok(deleted)
}
