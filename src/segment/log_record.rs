//! One write in the log: what it deletes, then what it inserts.
//!
//! `"ELNL"` · u16 version · u16 zero · u32 checksum of the rest · u32 header_bytes · header JSON · the batches.

use super::Shard;
use super::checksum::checksum;
use crate::error::{Error, Result};
use crate::ids::{CollectionId, PartitionId, Timestamp};
use crate::json;
use crate::value::{Batch, EncodedBatch, PrimaryKeys};
use serde::{Deserialize, Serialize};
use std::ops::Range;

const MAGIC: [u8; 4] = *b"ELNL";
const VERSION: u16 = 2;
const PRELUDE_BYTES: usize = 16;

#[derive(Debug, Clone, PartialEq, Default)]
pub struct LogRecord {
    pub deletes: Option<Deletes>,
    pub inserts: Vec<(PartitionId, Batch)>,
}

/// Rows with these keys, written before, are gone.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Deletes {
    /// `None`: in all partitions.
    pub partition: Option<PartitionId>,
    pub keys: PrimaryKeys,
}

impl Deletes {
    pub fn concerns(&self, partition: PartitionId) -> bool {
        self.partition.is_none_or(|only| only == partition)
    }
}

#[derive(Serialize, Deserialize)]
struct Header {
    deletes: Option<Deletes>,
    inserts: Vec<InsertHeader>,
}

#[derive(Serialize, Deserialize)]
struct InsertHeader {
    partition: PartitionId,
    bytes: usize,
}

/// Keys sort by collection, then by time.
pub fn log_key(collection: CollectionId, written: Timestamp) -> String {
    format!("record/{:016x}/{:016x}", collection.0, written.0)
}

pub fn log_timestamp(key: &str) -> Option<Timestamp> {
    u64::from_str_radix(key.rsplit('/').next()?, 16).ok().map(Timestamp)
}

/// The keys of a collection's records after `after`, through `through`.
pub fn log_range(collection: CollectionId, after: Timestamp, through: Timestamp) -> Range<String> {
    log_key(collection, Timestamp(after.0.saturating_add(1)))
        ..log_key(collection, Timestamp(through.0.saturating_add(1)))
}

/// The keys of all records of a collection.
pub fn whole_log(collection: CollectionId) -> Range<String> {
    log_range(collection, Timestamp(0), Timestamp(u64::MAX - 1))
}

impl LogRecord {
    pub fn encode(&self) -> Vec<u8> {
        let batches: Vec<EncodedBatch> = self.inserts.iter().map(|(_, batch)| batch.encoded()).collect();
        let inserts = self.inserts.iter().zip(&batches);
        let inserts =
            inserts.map(|((partition, _), batch)| InsertHeader { partition: *partition, bytes: batch.bytes() });
        let header = Header { deletes: self.deletes.clone(), inserts: inserts.collect() };
        let header = serde_json::to_vec(&header).expect("a header is plain data");
        let of_batches: usize = batches.iter().map(EncodedBatch::bytes).sum();
        let mut bytes = Vec::with_capacity(PRELUDE_BYTES + header.len() + of_batches);
        bytes.extend_from_slice(&MAGIC);
        bytes.extend_from_slice(&VERSION.to_le_bytes());
        bytes.extend_from_slice(&[0; 6]);
        bytes.extend_from_slice(&(header.len() as u32).to_le_bytes());
        bytes.extend_from_slice(&header);
        batches.iter().for_each(|batch| batch.append_to(&mut bytes));
        let sum = checksum(&bytes[12..]);
        bytes[8..12].copy_from_slice(&sum.to_le_bytes());
        bytes
    }

    /// Reads a record, but of its inserts only those for partitions that are wanted.
    pub fn decode(bytes: &[u8], wanted: &dyn Fn(PartitionId) -> bool) -> Result<LogRecord> {
        let corrupt = |detail: &str| Error::Corrupt { file: "log record".to_owned(), detail: detail.to_owned() };
        let prelude = bytes.first_chunk::<PRELUDE_BYTES>().ok_or_else(|| corrupt("shorter than its prelude"))?;
        if prelude[0..4] != MAGIC || u16::from_le_bytes([prelude[4], prelude[5]]) != VERSION {
            return Err(corrupt("not a log record of a known version"));
        }
        if checksum(&bytes[12..]).to_le_bytes() != prelude[8..12] {
            return Err(corrupt("the checksum does not match"));
        }
        let header_bytes = u32::from_le_bytes([prelude[12], prelude[13], prelude[14], prelude[15]]) as usize;
        let header_end = PRELUDE_BYTES.checked_add(header_bytes).filter(|end| *end <= bytes.len());
        let header_end = header_end.ok_or_else(|| corrupt("shorter than its header"))?;
        let header: Header =
            json::read(&bytes[PRELUDE_BYTES..header_end]).map_err(|error| corrupt(&error.to_string()))?;
        let mut inserts = Vec::new();
        let mut at = header_end;
        for insert in header.inserts {
            let end = at.checked_add(insert.bytes).filter(|end| *end <= bytes.len());
            let end = end.ok_or_else(|| corrupt("shorter than its batches"))?;
            if wanted(insert.partition) {
                inserts.push((insert.partition, Batch::decode(&bytes[at..end])?));
            }
            at = end;
        }
        Ok(LogRecord { deletes: header.deletes, inserts })
    }

    /// The record as one shard sees it: with all deletes, but of the inserted rows only its own.
    pub fn of_shard(mut self, shard: Shard, primary_key: &str) -> LogRecord {
        if shard.of > 1 {
            self.inserts.iter_mut().for_each(|(_, batch)| *batch = shard.rows_of(batch, primary_key).into_owned());
        }
        self
    }
}
