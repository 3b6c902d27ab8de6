//! A single-threaded executor whose choices and clock come from a seed: the same seed, the same run.
//!
//! Of the tasks that could go on it takes any. Time stands still while something can go on, but for a millisecond now and
//! then, and jumps to the next timer when nothing can.

use super::rng::Rng;
use futures::channel::oneshot;
use futures::future::LocalBoxFuture;
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};

type TaskId = u64;
type ScopeId = u64;

/// A run that takes more steps than this goes round in circles.
const MAX_STEPS: u64 = 20_000_000;
const FIRST_MS: u64 = 1_750_000_000_000;

#[derive(Clone)]
pub struct Executor(Rc<State>);

struct State {
    tasks: RefCell<BTreeMap<TaskId, Task>>,
    dead_scopes: RefCell<Vec<bool>>,
    next_task: Cell<TaskId>,
    running: Cell<Option<TaskId>>,
    ready: RefCell<Vec<TaskId>>,
    /// Tasks that were woken since the last step.
    woken: Arc<Mutex<Vec<TaskId>>>,
    timers: RefCell<BTreeMap<(u64, u64), Waker>>,
    next_timer: Cell<u64>,
    now_ms: Cell<u64>,
    steps: Cell<u64>,
    rng: Rng,
}

struct Task {
    name: &'static str,
    scope: ScopeId,
    /// Taken out while it runs.
    future: Option<LocalBoxFuture<'static, ()>>,
    waker: Waker,
    is_ready: bool,
}

struct Woken {
    task: TaskId,
    list: Arc<Mutex<Vec<TaskId>>>,
}

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.list.lock().expect("nothing panics while it holds the list").push(self.task);
    }
}

/// Tasks that die together: those of a process or of a node.
#[derive(Clone)]
pub struct Scope {
    executor: Executor,
    id: ScopeId,
}

impl Executor {
    pub fn new(seed: u64) -> Self {
        Executor(Rc::new(State {
            tasks: RefCell::default(),
            dead_scopes: RefCell::new(vec![false]),
            next_task: Cell::new(0),
            running: Cell::new(None),
            ready: RefCell::default(),
            woken: Arc::default(),
            timers: RefCell::default(),
            next_timer: Cell::new(0),
            now_ms: Cell::new(FIRST_MS),
            steps: Cell::new(0),
            rng: Rng::new(seed),
        }))
    }

    pub fn rng(&self) -> &Rng {
        &self.0.rng
    }

    pub fn now_ms(&self) -> u64 {
        self.0.now_ms.get()
    }

    /// Moves the clock, also backwards, as a computer's may.
    pub fn shift_clock(&self, milliseconds: i64) {
        self.0.now_ms.set(self.now_ms().saturating_add_signed(milliseconds));
    }

    pub fn scope(&self) -> Scope {
        let mut scopes = self.0.dead_scopes.borrow_mut();
        scopes.push(false);
        Scope { executor: self.clone(), id: scopes.len() as ScopeId - 1 }
    }

    /// A task of no scope: what stands outside of every process.
    pub fn spawn(&self, name: &'static str, future: impl Future<Output = ()> + 'static) {
        self.spawn_in(0, name, Box::pin(future));
    }

    fn spawn_in(&self, scope: ScopeId, name: &'static str, future: LocalBoxFuture<'static, ()>) {
        if self.0.dead_scopes.borrow()[scope as usize] {
            return;
        }
        let id = self.0.next_task.get();
        self.0.next_task.set(id + 1);
        let waker = Waker::from(Arc::new(Woken { task: id, list: self.0.woken.clone() }));
        let task = Task { name, scope, future: Some(future), waker, is_ready: true };
        self.0.tasks.borrow_mut().insert(id, task);
        self.0.ready.borrow_mut().push(id);
    }

    pub async fn sleep(&self, milliseconds: u64) {
        Sleep { executor: self, until: self.now_ms() + milliseconds, timer: None }.await;
    }

    /// Lets other tasks go first, or not, or for a while.
    pub async fn pause(&self) {
        match self.rng().below(16) {
            0..4 => {}
            15 => self.sleep(1 + self.rng().below(20)).await,
            _ => Yield(false).await,
        }
    }

    /// Runs everything until `future` has ended. Panics when it never will.
    pub fn block_on<T: 'static>(&self, future: impl Future<Output = T> + 'static) -> T {
        let (done, mut answer) = oneshot::channel();
        self.spawn("main", async move {
            let _ = done.send(future.await);
        });
        loop {
            if let Ok(Some(answer)) = answer.try_recv() {
                return answer;
            }
            if !self.step() {
                panic!("deadlock: {:?} wait for each other", self.pending());
            }
        }
    }

    /// Runs until nothing is left to do, timers neither.
    pub fn drain(&self) {
        while self.step() {}
    }

    /// Names of the tasks that have not ended.
    pub fn pending(&self) -> Vec<&'static str> {
        self.0.tasks.borrow().values().map(|task| task.name).collect()
    }

    /// One step of one task. False when nothing can go on.
    pub fn step(&self) -> bool {
        self.collect_woken();
        if self.0.ready.borrow().is_empty() && !self.advance_clock() {
            return false;
        }
        self.collect_woken();
        let id = {
            let mut ready = self.0.ready.borrow_mut();
            if ready.is_empty() {
                return true;
            }
            let chosen = self.rng().below(ready.len() as u64) as usize;
            ready.swap_remove(chosen)
        };
        self.0.steps.set(self.0.steps.get() + 1);
        assert!(self.0.steps.get() < MAX_STEPS, "livelock: {:?} go round in circles", self.pending());
        if self.rng().one_in(8) {
            self.shift_clock(1);
            self.fire_timers();
        }
        let taken = {
            let mut tasks = self.0.tasks.borrow_mut();
            tasks.get_mut(&id).and_then(|task| {
                task.is_ready = false;
                Some((task.future.take()?, task.waker.clone()))
            })
        };
        let Some((mut future, waker)) = taken else { return true };
        self.0.running.set(Some(id));
        let ended = future.as_mut().poll(&mut Context::from_waker(&waker)).is_ready();
        self.0.running.set(None);
        let finished = {
            let mut tasks = self.0.tasks.borrow_mut();
            match tasks.get_mut(&id) {
                Some(task) if !ended => {
                    task.future = Some(future);
                    None
                }
                // It has ended, or its scope was killed while it ran.
                _ => Some((tasks.remove(&id), future)),
            }
        };
        drop(finished);
        true
    }

    fn collect_woken(&self) {
        let woken = std::mem::take(&mut *self.0.woken.lock().expect("nothing panics while it holds the list"));
        let mut tasks = self.0.tasks.borrow_mut();
        let mut ready = self.0.ready.borrow_mut();
        for id in woken {
            if let Some(task) = tasks.get_mut(&id).filter(|task| !task.is_ready) {
                task.is_ready = true;
                ready.push(id);
            }
        }
    }

    fn advance_clock(&self) -> bool {
        let Some(next) = self.0.timers.borrow().keys().next().map(|(at, _)| *at) else { return false };
        self.0.now_ms.set(self.now_ms().max(next));
        self.fire_timers();
        true
    }

    fn fire_timers(&self) {
        let mut timers = self.0.timers.borrow_mut();
        let later = timers.split_off(&(self.now_ms() + 1, 0));
        let due = std::mem::replace(&mut *timers, later);
        due.into_values().for_each(Waker::wake);
    }
}

impl Scope {
    pub fn executor(&self) -> &Executor {
        &self.executor
    }

    pub fn spawn(&self, name: &'static str, future: impl Future<Output = ()> + 'static) {
        self.spawn_boxed(name, Box::pin(future));
    }

    pub fn spawn_boxed(&self, name: &'static str, future: LocalBoxFuture<'static, ()>) {
        self.executor.spawn_in(self.id, name, future);
    }

    /// Drops its tasks where they stand; no other ever starts.
    pub fn kill(&self) {
        let state = &self.executor.0;
        state.dead_scopes.borrow_mut()[self.id as usize] = true;
        let dead: Vec<TaskId> = {
            let tasks = state.tasks.borrow();
            tasks.iter().filter(|(_, task)| task.scope == self.id).map(|(id, _)| *id).collect()
        };
        for id in dead {
            // Dropping a future may wake others, and drop what is last to hold them.
            let task = state.tasks.borrow_mut().remove(&id);
            drop(task);
        }
    }

    pub fn is_dead(&self) -> bool {
        self.executor.0.dead_scopes.borrow()[self.id as usize]
    }
}

struct Yield(bool);

impl Future for Yield {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        if std::mem::replace(&mut self.0, true) {
            return Poll::Ready(());
        }
        context.waker().wake_by_ref();
        Poll::Pending
    }
}

struct Sleep<'a> {
    executor: &'a Executor,
    until: u64,
    timer: Option<(u64, u64)>,
}

impl Future for Sleep<'_> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        if self.executor.now_ms() >= self.until {
            return Poll::Ready(());
        }
        let state = self.executor.0.clone();
        let until = self.until;
        let key = *self.timer.get_or_insert_with(|| {
            state.next_timer.set(state.next_timer.get() + 1);
            (until, state.next_timer.get())
        });
        state.timers.borrow_mut().insert(key, context.waker().clone());
        Poll::Pending
    }
}

impl Drop for Sleep<'_> {
    fn drop(&mut self) {
        if let Some(key) = self.timer {
            self.executor.0.timers.borrow_mut().remove(&key);
        }
    }
}
