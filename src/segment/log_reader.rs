use super::{log_range, log_timestamp};
use crate::error::{Error, Result};
use crate::ids::{CollectionId, Timestamp};
use crate::storage::{Records, Store};

/// Of log records that are read at once: what an instance once had to take it never gives back.
const PAGE_BYTES: usize = 4 << 20;
const MAX_PAGE_RECORDS: usize = 256;

/// Reads a collection's log page by page, in the order of time.
pub struct LogReader<'a, R> {
    records: &'a R,
    collection: CollectionId,
    after: Timestamp,
    through: Timestamp,
    /// How many are asked for next: few, until it is known how large they are.
    page_records: usize,
    ended: bool,
}

impl<'a, R: Records> LogReader<'a, R> {
    /// The records after `after`, through `through`.
    pub fn new(records: &'a R, collection: CollectionId, after: Timestamp, through: Timestamp) -> Self {
        LogReader { records, collection, after, through, page_records: 2, ended: false }
    }

    /// The next records with the times at which they were written; none at the end.
    pub async fn next_page(&mut self) -> Result<Vec<(Timestamp, Vec<u8>)>> {
        if self.ended {
            return Ok(Vec::new());
        }
        let keys = log_range(self.collection, self.after, self.through);
        let found = self.records.scan(Store::Log, keys, self.page_records).await?;
        self.ended = found.len() < self.page_records;
        let largest_bytes = found.iter().map(|(_, bytes)| bytes.len()).max().unwrap_or(0);
        self.page_records = (PAGE_BYTES / largest_bytes.max(1)).clamp(1, (4 * self.page_records).min(MAX_PAGE_RECORDS));
        let timed = found.into_iter().map(|(key, bytes)| match log_timestamp(&key) {
            Some(written) => Ok((written, bytes)),
            None => Err(Error::Corrupt { file: format!("record {key}"), detail: "broken key".into() }),
        });
        let page = timed.collect::<Result<Vec<_>>>()?;
        self.after = page.last().map_or(self.after, |(written, _)| *written);
        Ok(page)
    }
}
