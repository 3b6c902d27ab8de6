//! What a role needs from the place it runs in: storage, a clock, tasks. Injected, so that a native test runs every role in
//! one process over memory stores, with time and the order of tasks in its hands.

use crate::storage::{Files, Records};
use futures::future::LocalBoxFuture;

pub trait Platform: Clone + 'static {
    type Records: Records;
    type Files: Files;

    fn records(&self) -> &Self::Records;
    fn files(&self) -> &Self::Files;
    /// Milliseconds since 1970.
    fn now_ms(&self) -> u64;
    /// Lets messages and other tasks in.
    async fn yield_now(&self);
    async fn sleep(&self, milliseconds: u32);
    /// What the instance has taken from the system for its memory.
    fn instance_bytes(&self) -> u64;
    fn spawn(&self, task: LocalBoxFuture<'static, ()>);
}

/// Calls `yield_now` when a role has computed long enough, so that ending its worker takes effect at once.
pub struct Breather<'a, P: Platform> {
    platform: &'a P,
    since_ms: u64,
}

const COMPUTE_LIMIT_MS: u64 = 50;

impl<'a, P: Platform> Breather<'a, P> {
    pub fn new(platform: &'a P) -> Self {
        Breather { platform, since_ms: platform.now_ms() }
    }

    pub async fn breathe(&mut self) {
        if self.platform.now_ms().saturating_sub(self.since_ms) >= COMPUTE_LIMIT_MS {
            self.platform.yield_now().await;
            self.since_ms = self.platform.now_ms();
        }
    }
}
