//! Query and data nodes as tasks of the test's process, each of which can be killed between any two steps.
//!
//! As with workers, commands cross as JSON and arrive in the order of their calls, after a while; what a node does until it
//! first waits it does before it looks at the next command.

use super::executor::Scope;
use super::platform::{Gate, SimPlatform};
use elanus::cluster::{Lent, NodeAnswer, NodeCommand, NodeId, NodeKind, Nodes};
use elanus::coordinator::Coordinator;
use elanus::data_node::DataNode;
use elanus::error::RelayedError;
use elanus::event::Event;
use elanus::platform::Platform;
use elanus::query_node::{NodeReply, QueryNode};
use elanus::sorted::SortedMap;
use elanus::storage::Files;
use elanus::storage::faulty::Faults;
use elanus::{Error, Result};
use futures::FutureExt;
use futures::channel::{mpsc, oneshot};
use futures::future::LocalBoxFuture;
use futures::stream::StreamExt;
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::{Rc, Weak};

pub type SimCoordinator = Coordinator<SimPlatform, SimNodes>;

#[derive(Clone)]
pub struct SimNodes(Rc<Inner>);

struct Inner {
    /// The coordinator's: nodes die with it.
    scope: Scope,
    /// Of the coordinator.
    platform: SimPlatform,
    faults: Faults,
    nodes: RefCell<BTreeMap<NodeId, Node>>,
    coordinator: RefCell<Weak<SimCoordinator>>,
    failing_starts: Cell<u32>,
    lent_pieces: Cell<usize>,
    gate: Gate,
}

struct Node {
    scope: Scope,
    kind: NodeKind,
    role: Rc<Role>,
    platform: SimPlatform,
    inbox: mpsc::UnboundedSender<Command>,
    /// Ended or killed before it had started.
    started: bool,
}

enum Role {
    Query(Rc<QueryNode<SimPlatform>>),
    Data(Box<DataNode<SimPlatform>>),
}

struct Command {
    body: String,
    blob: Option<Rc<[u8]>>,
    answer: oneshot::Sender<(String, Vec<Vec<u8>>)>,
}

impl Role {
    async fn execute(&self, command: NodeCommand, blob: Option<Rc<[u8]>>) -> Result<NodeAnswer> {
        match self {
            Role::Query(node) => node.execute(command, blob).await,
            Role::Data(node) => node.execute(command).await,
        }
    }
}

impl Inner {
    /// What a node says arrives a little later.
    fn tell(&self, node: &str, event: Event) {
        let Some(coordinator) = self.coordinator.borrow().upgrade() else { return };
        let (executor, node) = (self.scope.executor().clone(), node.to_owned());
        self.scope.spawn("event", async move {
            executor.pause().await;
            if let Event::Progress { loaded_bytes } = event {
                coordinator.node_progressed(&node, loaded_bytes);
            }
        });
    }
}

impl SimNodes {
    pub fn new(scope: Scope, platform: SimPlatform, faults: &Faults) -> Self {
        SimNodes(Rc::new(Inner {
            scope,
            platform,
            faults: faults.clone(),
            nodes: RefCell::default(),
            coordinator: RefCell::default(),
            failing_starts: Cell::new(0),
            lent_pieces: Cell::new(0),
            gate: Gate::default(),
        }))
    }

    /// Who hears of deaths.
    pub fn serve(&self, coordinator: &Rc<SimCoordinator>) {
        *self.0.coordinator.borrow_mut() = Rc::downgrade(coordinator);
    }

    /// How many pieces of imports were lent to nodes before the store had them.
    pub fn lent_pieces(&self) -> usize {
        self.0.lent_pieces.get()
    }

    pub fn running(&self, kind: NodeKind) -> Vec<NodeId> {
        let nodes = self.0.nodes.borrow();
        nodes.iter().filter(|(_, node)| node.kind == kind && node.started).map(|(id, _)| id.clone()).collect()
    }

    /// The next `count` nodes do not start.
    pub fn fail_starts(&self, count: u32) {
        self.0.failing_starts.set(count);
    }

    /// How many of them have not been tried.
    pub fn failing_starts(&self) -> u32 {
        self.0.failing_starts.get()
    }

    /// What reads of files wait at.
    pub fn gate(&self) -> &Gate {
        &self.0.gate
    }

    /// Bytes that a query node has read, by file.
    pub fn read_bytes(&self, id: &str) -> SortedMap<String, u64> {
        let nodes = self.0.nodes.borrow();
        nodes.get(id).map(|node| node.platform.files().read_bytes_by_file()).unwrap_or_default()
    }

    /// The node's worker dies, and its coordinator hears of it a little later.
    pub fn kill(&self, id: &str) {
        if !self.remove(id) {
            return;
        }
        let (inner, id) = (self.0.clone(), id.to_owned());
        self.0.scope.spawn("death notice", async move {
            inner.scope.executor().pause().await;
            let coordinator = inner.coordinator.borrow().upgrade();
            if let Some(coordinator) = coordinator {
                coordinator.node_died(&id);
            }
        });
    }

    pub fn kill_all(&self) {
        let nodes = self.0.nodes.take();
        nodes.values().for_each(|node| node.scope.kill());
    }

    fn remove(&self, id: &str) -> bool {
        let removed = self.0.nodes.borrow_mut().remove(id);
        removed.is_some_and(|node| {
            node.scope.kill();
            true
        })
    }

    /// A client's call, over the line that it got with its route.
    pub async fn read(&self, id: &str, method: &'static str, body: String, blobs: Vec<Vec<u8>>) -> Result<NodeReply> {
        let offline = || Error::NodeOffline { node: id.to_owned() };
        let (scope, role) = {
            let nodes = self.0.nodes.borrow();
            let node = nodes.get(id).filter(|node| node.started).ok_or_else(offline)?;
            (node.scope.clone(), node.role.clone())
        };
        let (sender, answer) = oneshot::channel();
        let executor = scope.executor().clone();
        scope.spawn("read", async move {
            executor.pause().await;
            let Role::Query(node) = &*role else { unreachable!("routes lead to query nodes") };
            let reply = node.handle(method, &body, blobs).await;
            executor.pause().await;
            let _ = sender.send(reply);
        });
        answer.await.map_err(|_| offline())
    }
}

/// Takes commands one by one.
async fn serve(scope: Scope, role: Rc<Role>, mut inbox: mpsc::UnboundedReceiver<Command>) {
    while let Some(Command { body, blob, answer }) = inbox.next().await {
        scope.executor().pause().await;
        let command: NodeCommand = elanus::json::read(body.as_bytes()).expect("commands read as they were written");
        let (executor, role) = (scope.executor().clone(), role.clone());
        let mut task = async move {
            let mut done = role.execute(command, blob).await.map_err(RelayedError::from);
            let blobs = done.as_mut().map_or_else(|_| Vec::new(), NodeAnswer::take_blobs);
            executor.pause().await;
            let _ = answer.send((serde_json::to_string(&done).expect("answers are plain data"), blobs));
        }
        .boxed_local();
        if futures::poll!(&mut task).is_pending() {
            scope.spawn_boxed("command", task);
        }
    }
}

impl Nodes for SimNodes {
    async fn start(&self, kind: NodeKind, id: &NodeId) -> Result<()> {
        let inner = &self.0;
        let scope = inner.scope.executor().scope();
        let (weak, node) = (Rc::downgrade(inner), id.clone());
        let outlet = move |event| {
            let inner = weak.upgrade();
            if let Some(inner) = inner.filter(|inner| inner.nodes.borrow().contains_key(&node)) {
                inner.tell(&node, event);
            }
        };
        let platform =
            SimPlatform::new(inner.platform.store(), &inner.faults, &inner.gate, scope.clone(), Rc::new(outlet));
        let role = Rc::new(match kind {
            NodeKind::Query => Role::Query(QueryNode::new(platform.clone())),
            NodeKind::Data => Role::Data(Box::new(DataNode::new(platform.clone()))),
        });
        let (inbox, commands) = mpsc::unbounded();
        scope.spawn("node", serve(scope.clone(), role.clone(), commands));
        let node = Node { scope, kind, role, platform, inbox, started: false };
        let known = inner.nodes.borrow_mut().insert(id.clone(), node);
        assert!(known.is_none(), "node {id} was started twice");
        inner.scope.executor().pause().await;
        if inner.failing_starts.get() > 0 {
            inner.failing_starts.set(inner.failing_starts.get() - 1);
            self.remove(id);
            return Err(Error::Unexpected("a worker could not be started: injected".into()));
        }
        let mut nodes = inner.nodes.borrow_mut();
        let node = nodes.get_mut(id).ok_or_else(|| Error::NodeOffline { node: id.clone() })?;
        node.started = true;
        Ok(())
    }

    fn call(
        &self,
        id: &NodeId,
        command: NodeCommand,
        blob: Option<Rc<[u8]>>,
    ) -> LocalBoxFuture<'static, Result<NodeAnswer>> {
        let id = id.clone();
        let body = serde_json::to_string(&command).expect("commands are plain data");
        let (sender, answer) = oneshot::channel();
        let nodes = self.0.nodes.borrow();
        if let Some(node) = nodes.get(&id).filter(|node| node.started) {
            self.0.lent_pieces.update(|pieces| pieces + command.lent().len());
            for Lent { name, handed } in command.lent() {
                // A page that has gone takes with it what it has lent.
                let lent =
                    self.0.platform.store().handed(*handed).filter(|_| self.0.scope.executor().rng().below(4) > 0);
                lent.into_iter().for_each(|bytes| node.platform.store().lend(name.clone(), bytes));
            }
            let _ = node.inbox.unbounded_send(Command { body, blob, answer: sender });
        }
        async move {
            let (body, blobs) = answer.await.map_err(|_| Error::NodeOffline { node: id })?;
            let answer: Result<NodeAnswer, RelayedError> =
                elanus::json::read(body.as_bytes()).expect("answers read as they were written");
            answer.map(|answer| answer.with_blobs(blobs)).map_err(Error::Relayed)
        }
        .boxed_local()
    }

    fn end(&self, id: &NodeId) {
        self.remove(id);
    }
}
