//! Writes that a client sends again because it does not know whether they happened: they happen once.

use super::{Coordinator, Runtime};
use crate::catalog::{WriteOutcome, read_write_outcome};
use crate::cluster::Nodes;
use crate::error::Result;
use crate::ids::{CollectionId, RequestId, Timestamp};
use crate::platform::Platform;
use crate::storage::Durability;

/// Writes are known again for so long after they happened, also when a flush has dropped them from the log. Clients
/// repeat none that is nearly as old.
const REMEMBERED_MS: u64 = 60_000;

/// What a client asks of a write, and how it can be known again.
#[derive(Debug, Clone, Copy)]
pub(super) struct WriteRequest {
    /// Of clients that will not repeat it: none.
    pub id: Option<RequestId>,
    pub repeated: bool,
    pub durability: Durability,
}

impl<P: Platform, N: Nodes> Coordinator<P, N> {
    /// What a write did when it was run before; the caller holds `writing`. The first run may also come after the second
    /// one, when it had to wait longer.
    pub(super) async fn recall(
        &self,
        id: CollectionId,
        runtime: &Runtime,
        request: WriteRequest,
    ) -> Result<Option<(Timestamp, WriteOutcome)>> {
        let Some(request_id) = request.id else { return Ok(None) };
        if !self.may_be_known(runtime, request) {
            return Ok(None);
        }
        runtime.repeated.borrow_mut().insert(request_id);
        read_write_outcome(self.platform.records(), id, request_id, self.remembered_since()).await
    }

    /// Whether `recall` would look.
    pub(super) fn may_be_known(&self, runtime: &Runtime, request: WriteRequest) -> bool {
        request.repeated || request.id.is_some_and(|id| runtime.repeated.borrow().contains(&id))
    }

    pub(super) fn remembered_since(&self) -> Timestamp {
        Timestamp::from_millis(self.platform.now_ms().saturating_sub(REMEMBERED_MS))
    }
}
