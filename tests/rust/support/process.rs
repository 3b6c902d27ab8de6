//! One owner of a store: a coordinator and its nodes, which live and die together.

use super::executor::{Executor, Scope};
use super::nodes::{SimCoordinator, SimNodes};
use super::platform::{Gate, SimPlatform};
use elanus::coordinator::{Config, Coordinator, Reply};
use elanus::event::Event;
use elanus::storage::faulty::Faults;
use elanus::storage::memory::MemoryStore;
use elanus::{Error, Result};
use futures::channel::oneshot;
use serde_json::{Value, json};
use std::cell::RefCell;
use std::rc::Rc;

/// Why a client got no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Disconnected;

#[derive(Clone)]
pub struct Process {
    scope: Scope,
    pub faults: Faults,
    pub nodes: SimNodes,
    /// What clients were told without asking.
    pub events: Rc<RefCell<Vec<Event>>>,
    platform: SimPlatform,
    pub coordinator: Rc<SimCoordinator>,
}

impl Process {
    /// Starts a process over the store. An error when the coordinator cannot open it, or dies meanwhile.
    pub async fn start(executor: &Executor, store: &MemoryStore, faults: Faults, config: Config) -> Result<Process> {
        let scope = executor.scope();
        let events: Rc<RefCell<Vec<Event>>> = Rc::default();
        let heard = events.clone();
        let outlet = Rc::new(move |event| heard.borrow_mut().push(event));
        let platform = SimPlatform::new(store, &faults, &Gate::default(), scope.clone(), outlet);
        let nodes = SimNodes::new(scope.clone(), platform.clone(), &faults);
        let (sender, opened) = oneshot::channel();
        let (of_coordinator, its_platform) = (nodes.clone(), platform.clone());
        scope.spawn("open", async move {
            let _ = sender.send(Coordinator::open(its_platform, of_coordinator, config).await);
        });
        let opened = opened.await.unwrap_or(Err(Error::NotReady { reason: "the process died".into() }));
        let coordinator = opened.inspect_err(|_| scope.kill())?;
        nodes.serve(&coordinator);
        Ok(Process { scope, faults, nodes, events, platform, coordinator })
    }

    /// One call of a client. It goes on although the client may not wait for its answer.
    pub async fn call(&self, method: &str, body: String, blobs: Vec<Vec<u8>>) -> Result<Reply, Disconnected> {
        let (sender, answer) = oneshot::channel();
        let (coordinator, method) = (self.coordinator.clone(), method.to_owned());
        let executor = self.scope.executor().clone();
        self.scope.spawn("call", async move {
            executor.pause().await;
            let reply = coordinator.handle(&method, &body, blobs).await;
            executor.pause().await;
            let _ = sender.send(reply);
        });
        answer.await.map_err(|_| Disconnected)
    }

    /// The same, with bytes that the engine is only told of.
    pub async fn put(&self, method: &str, mut body: Value, bytes: &[u8]) -> Result<Reply, Disconnected> {
        let handed = self.platform.store().hand(bytes.into());
        body["handed"] = json!(handed);
        let reply = self.call(method, body.to_string(), Vec::new()).await;
        self.platform.store().take_back(handed);
        reply
    }

    /// Everything of it ends between two steps.
    pub fn kill(&self) {
        self.scope.kill();
        self.nodes.kill_all();
    }

    pub fn is_dead(&self) -> bool {
        self.scope.is_dead()
    }
}
