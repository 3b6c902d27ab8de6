//! Protection of the browser's own files.
//!
//! Chromium keeps IndexedDB in LevelDB, and a browser that is killed in the middle of an append leaves a torn record at the
//! end of its log. The next start passes over it, but goes on writing behind it; the start after that takes it for damage and
//! deletes every database of the origin. When a database has been deleted, Chromium compacts, for which LevelDB begins a new
//! log and drops the torn one, so that a later kill finds nothing to stumble over.

use super::{BrowserStore, error, run};
use crate::error::Result;
use rexie::Rexie;

/// Of a hundred deletions about one is not followed by a compaction.
const DELETIONS: usize = 2;

impl BrowserStore {
    /// Has LevelDB begin a new log; what is written to the store from now on comes after that. To be called by an owner that
    /// has just opened.
    pub async fn renew_log(&self) -> Result<()> {
        // No store has a name that gives this one.
        let name = format!("elanus-renewal/{}", self.connection.name());
        run(async move {
            for _ in 0..DELETIONS {
                Rexie::builder(&name).build().await?.close();
                Rexie::delete(&name).await?;
            }
            Ok(())
        })
        .await
        .map_err(error::of_rexie)
    }
}
