//! What a role needs from the place it runs in: storage, a clock, tasks. Injected, so that a native test runs every role in
//! one process over memory stores, with time and the order of tasks in its hands.

use crate::event::Event;
use crate::storage::{Files, Records};
use futures::future::LocalBoxFuture;
use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct InstanceMemory {
    /// What the instance has taken from the system.
    pub instance_bytes: u64,
    /// What of that is in use.
    pub allocated_bytes: u64,
}

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
    fn memory(&self) -> InstanceMemory;
    fn spawn(&self, task: LocalBoxFuture<'static, ()>);
    /// Tells whoever is connected to the role.
    fn emit(&self, event: Event);
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
