//! Protection of the browser's own files.
//!
//! Chromium keeps IndexedDB in LevelDB, and a browser that is killed in the middle of an append leaves a torn record at the
//! end of its log. The next start passes over it, but goes on writing behind it; the start after that takes it for damage and
//! deletes every database of the origin. More than fits into LevelDB's memory, written and deleted again, makes it begin a
//! new log and drop the torn one, so that a later kill finds nothing to stumble over.

use super::connection::{CATALOG, WriteTransaction, buffer_of};
use super::{BrowserStore, run};
use crate::error::Result;
use crate::storage::Durability;

/// Smaller than the 64 KiB from which values become files of their own, beside LevelDB.
const FILLING_BYTES: usize = 60_000;
/// Each is written twice, by itself and for the undoing of its deletion: together more than the 4 MiB that LevelDB gathers
/// before it begins a new log.
const FILLINGS: usize = 50;
/// Whoever wants to write waits for a transaction.
const FILLINGS_AT_ONCE: usize = 5;
const PREFIX: &str = "~renewal/";

impl BrowserStore {
    /// Has LevelDB begin a new log; what is written to the store from now on comes after that. To be called by an owner that
    /// has just opened.
    pub async fn renew_log(&self) -> Result<()> {
        let connection = self.connection.clone();
        run(async move {
            let filling = incompressible(FILLING_BYTES);
            for _ in 0..FILLINGS / FILLINGS_AT_ONCE {
                let fill = async |transaction: &WriteTransaction| {
                    for at in 0..FILLINGS_AT_ONCE {
                        transaction.put(CATALOG, &format!("{PREFIX}{at}"), &buffer_of(&filling))?;
                    }
                    transaction.delete_range(CATALOG, &(PREFIX.to_owned()..format!("{PREFIX}~")))
                };
                connection.write(&[], Durability::Relaxed, fill).await?;
            }
            Ok(())
        })
        .await
    }
}

/// Xorshift; the browser compresses values, and what compresses takes no room.
fn incompressible(bytes: usize) -> Vec<u8> {
    let mut state = 0x9E37_79B9_7F4A_7C15_u64;
    let next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state as u8
    };
    std::iter::repeat_with(next).take(bytes).collect()
}
