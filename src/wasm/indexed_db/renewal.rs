//! Protection of the browser's own files.
//!
//! Chromium keeps IndexedDB in LevelDB, and a browser that is killed in the middle of an append leaves a torn record at the
//! end of its log. The next start passes over it, but goes on writing behind it; the start after that takes it for damage and
//! deletes every database of the origin. As much as fits into LevelDB's memory, written and deleted again, makes it begin a
//! new log and drop the torn one, so that a later kill finds nothing to stumble over.

use super::connection::{LOG, buffer_of};
use super::{IndexedDb, run};
use crate::error::Result;
use crate::storage::Durability;
use futures::FutureExt;

/// Smaller than the 64 KiB from which values become files of their own, beside LevelDB.
const FILLING_BYTES: usize = 60_000;
/// Together more than the 4 MiB that LevelDB gathers before it begins a new log.
const FILLINGS: usize = 100;
const PREFIX: &str = "~renewal/";

impl IndexedDb {
    /// Has LevelDB begin a new log; what is written to the store from now on waits for that. To be called by an owner that
    /// has just opened.
    pub fn renew_log(&self) -> impl Future<Output = Result<()>> + use<> {
        let connection = self.connection.clone();
        let renewal = run(async move {
            let filling = incompressible(FILLING_BYTES);
            connection
                .write(&[LOG], Durability::Relaxed, async |transaction| {
                    (0..FILLINGS)
                        .try_for_each(|at| transaction.put(LOG, &format!("{PREFIX}{at}"), &buffer_of(&filling)))
                })
                .await?;
            connection
                .write(&[LOG], Durability::Relaxed, async |transaction| {
                    transaction.delete_range(LOG, &(PREFIX.to_owned()..format!("{PREFIX}~")))
                })
                .await
        });
        let renewal = renewal.boxed_local().shared();
        self.renewal.replace(Some(renewal.clone()));
        renewal
    }

    /// What is written before the new log begins is as endangered as what was there.
    pub(super) async fn renewed(&self) {
        let renewal = self.renewal.borrow().clone();
        if let Some(renewal) = renewal {
            // One that failed is told of by whoever asked for it; writing goes on as it can.
            let _ = renewal.await;
        }
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
