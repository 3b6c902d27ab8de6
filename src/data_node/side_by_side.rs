//! Writing several segments at a time.

use crate::error::Result;
use crate::segment::SegmentManifest;
use futures::future::LocalBoxFuture;
use futures::stream::{self, StreamExt};
use std::cell::Cell;
use tokio::sync::Semaphore;

/// Small segments are written together: their files share the time that storage takes.
const SEGMENTS_AT_ONCE: usize = 64;
/// Of all of them, as what is being written is in memory twice. One that has more is written alone.
const ROWS_OF_SMALL: usize = 8192;

/// What is to be done for a segment, and how many rows it writes.
pub struct SegmentWork<'a> {
    pub rows: usize,
    pub work: LocalBoxFuture<'a, Result<Option<SegmentManifest>>>,
}

/// What all work came to, in its order. After a failure nothing more begins, and what is under way goes on to its end: who
/// discards the files of what has failed must find all of them.
pub async fn write_side_by_side(works: Vec<SegmentWork<'_>>) -> Result<Vec<Option<SegmentManifest>>> {
    let room = Semaphore::new(ROWS_OF_SMALL);
    let has_failed = Cell::new(false);
    let works = works.into_iter().map(async |SegmentWork { rows, work }| {
        let _taken = room.acquire_many(rows.min(ROWS_OF_SMALL) as u32).await;
        if has_failed.get() {
            return Ok(None);
        }
        let written = work.await;
        has_failed.set(has_failed.get() || written.is_err());
        written
    });
    let written: Vec<Result<_>> = stream::iter(works).buffered(SEGMENTS_AT_ONCE).collect().await;
    written.into_iter().collect()
}

#[cfg(all(test, not(target_arch = "wasm32")))]
mod tests {
    use super::*;
    use crate::error::Error;
    use crate::ids::SegmentId;
    use futures::FutureExt;
    use futures::channel::oneshot;
    use futures::executor::block_on;
    use futures::future::{pending, poll_immediate};
    use std::cell::RefCell;

    fn work<'a>(rows: usize, work: impl Future<Output = Result<Option<SegmentManifest>>> + 'a) -> SegmentWork<'a> {
        SegmentWork { rows, work: work.boxed_local() }
    }

    #[test]
    fn small_ones_are_written_together_and_large_ones_alone() {
        for (rows, together) in [(10, SEGMENTS_AT_ONCE), (3000, 2), (8000, 1), (1_000_000, 1)] {
            let begun = Cell::new(0);
            let wait = || async {
                begun.set(begun.get() + 1);
                pending().await
            };
            let works = (0..100).map(|_| work(rows, wait())).collect();
            block_on(poll_immediate(Box::pin(write_side_by_side(works))));
            assert_eq!(begun.get(), together, "of {rows} rows");
        }
    }

    #[test]
    fn results_come_in_the_order_of_the_work() {
        let (sender, receiver) = oneshot::channel();
        let manifest = |id| Ok(Some(SegmentManifest::new(SegmentId(id), 1)));
        let first = async {
            receiver.await.expect("sent");
            manifest(1)
        };
        let second = async {
            sender.send(()).expect("awaited");
            manifest(2)
        };
        let written = block_on(write_side_by_side(vec![work(1, first), work(1, second), work(1, async { Ok(None) })]));
        let ids: Vec<_> = written.expect("all succeed").into_iter().map(|it| it.map(|it| it.id.0)).collect();
        assert_eq!(ids, [Some(1), Some(2), None]);
    }

    #[test]
    fn after_a_failure_nothing_begins_and_what_has_begun_ends() {
        let (sender, receiver) = oneshot::channel();
        let ended = RefCell::new(Vec::new());
        let slow = async {
            receiver.await.expect("sent");
            ended.borrow_mut().push("slow");
            Ok(None)
        };
        let failing = async {
            sender.send(()).expect("awaited");
            ended.borrow_mut().push("failing");
            Err(Error::Unexpected("no".into()))
        };
        let later = async {
            ended.borrow_mut().push("later");
            Ok(None)
        };
        let works = vec![work(100, slow), work(100, failing), work(ROWS_OF_SMALL, later)];
        assert_eq!(block_on(write_side_by_side(works)), Err(Error::Unexpected("no".into())));
        assert_eq!(ended.take(), ["failing", "slow"]);
    }
}
