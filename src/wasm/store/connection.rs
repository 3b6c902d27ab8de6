//! Opening, and transactions.

use super::error;
use crate::error::{Error, Result};
use crate::storage::Durability;
use futures::future::join;
use js_sys::{Array, ArrayBuffer, Object, Promise, Reflect, Uint8Array};
use rexie::{ObjectStore, Rexie, TransactionMode};
use std::cell::{Cell, OnceCell, RefCell};
use std::ops::Range;
use std::rc::Rc;
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;
use web_sys::{
    Event, IdbDatabase, IdbFactory, IdbKeyRange, IdbObjectStore, IdbOpenDbRequest, IdbRequest, IdbTransaction,
};

pub const CATALOG: &str = "catalog";
pub const LOG: &str = "log";
pub const FILES: &str = "files";

/// Never to be raised.
const VERSION: u32 = 1;

#[wasm_bindgen]
extern "C" {
    /// web-sys counts the options of a transaction, durability, among its unstable features.
    #[wasm_bindgen(js_name = IDBDatabase)]
    type DurableDatabase;

    #[wasm_bindgen(method, catch)]
    fn transaction(
        this: &DurableDatabase,
        stores: &Array,
        mode: &str,
        options: &Object,
    ) -> Result<IdbTransaction, JsValue>;
}

pub struct Connection {
    reads: Rc<RefCell<Option<Rexie>>>,
    writes: IdbDatabase,
    lost: Rc<Lost>,
    /// Kept for as long as the browser may call it.
    _on_loss: Closure<dyn FnMut()>,
}

/// Whether the database has gone, and what then is to be done.
#[derive(Default)]
struct Lost {
    is_lost: Cell<bool>,
    then: OnceCell<Box<dyn Fn()>>,
}

impl Connection {
    /// rexie cannot hear `versionchange`, and a connection that does not close then blocks whoever wants to delete the
    /// database. So the connection for writes is opened first, and closes rexie's too. `close` comes when the browser ends the
    /// connection itself: the site's data are cleared, or cannot be read any more.
    pub async fn open(name: &str) -> Result<Self> {
        let mut builder = Rexie::builder(name).version(VERSION);
        for store in [CATALOG, LOG, FILES] {
            builder = builder.add_object_store(ObjectStore::new(store));
        }
        // The browser opens them one after the other.
        let (writes, rexie) = join(Self::of_writes(name), builder.build()).await;
        match (writes, rexie) {
            (Ok(connection), Ok(rexie)) if !connection.lost.is_lost.get() => {
                connection.reads.replace(Some(rexie));
                Ok(connection)
            }
            (Ok(_), Ok(rexie)) => {
                rexie.close();
                Err(Error::Io { detail: format!("{name} was deleted while it was opened") })
            }
            (Ok(_), Err(error)) => Err(error::of_rexie(error)),
            (Err(error), rexie) => {
                rexie.into_iter().for_each(Rexie::close);
                Err(error)
            }
        }
    }

    /// Without the connection for reads.
    async fn of_writes(name: &str) -> Result<Self> {
        let writes = open_for_writes(name).await?;
        let reads = Rc::new(RefCell::new(None::<Rexie>));
        let lost = Rc::new(Lost::default());
        let on_loss = Closure::new({
            let (reads, writes, lost) = (reads.clone(), writes.clone(), lost.clone());
            move || {
                writes.close();
                close(&reads);
                if !lost.is_lost.replace(true)
                    && let Some(then) = lost.then.get()
                {
                    then();
                }
            }
        });
        writes.set_onversionchange(Some(on_loss.as_ref().unchecked_ref()));
        writes.set_onclose(Some(on_loss.as_ref().unchecked_ref()));
        Ok(Connection { reads, writes, lost, _on_loss: on_loss })
    }

    /// Calls `then` when the database has gone, or at once if it has: nothing that is asked of it will succeed again.
    pub fn when_lost(&self, then: impl Fn() + 'static) {
        if self.lost.is_lost.get() {
            then();
        }
        assert!(self.lost.then.set(Box::new(then)).is_ok(), "one waits for it");
    }

    /// Of the database.
    pub fn name(&self) -> String {
        self.writes.name()
    }

    pub fn read(&self, store: &str) -> Result<rexie::Store> {
        let reads = self.reads.borrow();
        let rexie = reads.as_ref().ok_or_else(|| Error::Io { detail: "the store was deleted".into() })?;
        let transaction = rexie.transaction(&[store], TransactionMode::ReadOnly).map_err(error::of_rexie)?;
        transaction.store(store).map_err(error::of_rexie)
    }

    /// One transaction on the catalog and `others`: everything that `work` asks for happens if it returns Ok and the browser
    /// could write it, or nothing. `work` may await nothing but answers to its own requests: the transaction ends with
    /// anything else.
    ///
    /// The catalog makes all writes to a store take turns, in whatever workers they begin. Chromium deletes every database of
    /// the origin when it was killed during two writing transactions on one database: at the next start it wants both their
    /// locks, holds the name of the database in both for a conflict, and takes that for corruption.
    pub async fn write<T>(
        &self,
        others: &[&str],
        durability: Durability,
        work: impl AsyncFnOnce(&WriteTransaction) -> Result<T>,
    ) -> Result<T> {
        let transaction = WriteTransaction(self.begin(others, durability)?);
        let ended = transaction.ended();
        match work(&transaction).await {
            Ok(value) => ended.await.map(|()| value),
            Err(error) => {
                // Leaving without this would commit what was put so far. It throws if a failed request has aborted the
                // transaction before.
                let _ = transaction.0.abort();
                let _ = ended.await;
                Err(error)
            }
        }
    }

    fn begin(&self, others: &[&str], durability: Durability) -> Result<IdbTransaction> {
        let stores: Array = [CATALOG].iter().chain(others).map(|store| JsValue::from_str(store)).collect();
        let durability = match durability {
            Durability::Relaxed => "relaxed",
            Durability::Strict => "strict",
        };
        let options = Object::new();
        Reflect::set(&options, &"durability".into(), &durability.into()).map_err(error::of_js)?;
        let database: &DurableDatabase = self.writes.unchecked_ref();
        database.transaction(&stores, "readwrite", &options).map_err(error::of_js)
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.writes.set_onversionchange(None);
        self.writes.set_onclose(None);
        self.writes.close();
        close(&self.reads);
    }
}

fn close(reads: &RefCell<Option<Rexie>>) {
    if let Some(rexie) = reads.take() {
        rexie.close();
    }
}

async fn open_for_writes(name: &str) -> Result<IdbDatabase> {
    let factory = Reflect::get(&js_sys::global(), &"indexedDB".into()).map_err(error::of_js)?;
    let factory: IdbFactory =
        factory.dyn_into().map_err(|_| Error::Io { detail: "there is no IndexedDB here".into() })?;
    let request = factory.open_with_u32(name, VERSION).map_err(error::of_js)?;
    let on_upgrade = Closure::once({
        let (request, name) = (request.clone(), name.to_owned());
        move |event: Event| {
            report_loss(&name, &event);
            create_stores(&request)
        }
    });
    request.set_onupgradeneeded(Some(on_upgrade.as_ref().unchecked_ref()));
    let database = answer(&request).await?;
    Ok(database.unchecked_into())
}

/// Chromium deletes a database whose files it finds damaged, and opens an empty one; this is all that it says about it.
fn report_loss(name: &str, event: &Event) {
    let said = |key: &str| Reflect::get(event, &key.into()).ok().and_then(|value| value.as_string());
    if said("dataLoss").is_some_and(|loss| loss != "none") {
        let why = said("dataLossMessage").unwrap_or_default();
        let text = format!("elanus: the browser has lost the database {name} and begins an empty one: {why}");
        web_sys::console::error_1(&text.into());
    }
}

/// What this throws makes the browser undo the creation of the database and fail the opening.
fn create_stores(request: &IdbOpenDbRequest) -> Result<(), JsValue> {
    let database: IdbDatabase = request.result()?.unchecked_into();
    for store in [CATALOG, LOG, FILES] {
        database.create_object_store(store)?;
    }
    Ok(())
}

/// Awaits a request. Its handlers are functions of JavaScript's own, so they may be called whatever has been dropped here.
async fn answer(request: &IdbRequest) -> Result<JsValue> {
    let settled = Promise::new(&mut |resolve, _| {
        request.set_onsuccess(Some(&resolve));
        request.set_onerror(Some(&resolve));
    });
    JsFuture::from(settled).await.map_err(error::of_js)?;
    match request.error().map_err(error::of_js)? {
        Some(exception) => Err(error::of_exception(&exception)),
        None => request.result().map_err(error::of_js),
    }
}

pub struct WriteTransaction(IdbTransaction);

impl WriteTransaction {
    fn store(&self, store: &str) -> Result<IdbObjectStore> {
        self.0.object_store(store).map_err(error::of_js)
    }

    pub async fn get(&self, store: &str, key: &str) -> Result<Option<Vec<u8>>> {
        let request = self.store(store)?.get(&key.into()).map_err(error::of_js)?;
        Ok(bytes_of(&answer(&request).await?))
    }

    // The outcome of these is the transaction's: a request that fails aborts it.

    pub fn put(&self, store: &str, key: &str, value: &JsValue) -> Result<()> {
        self.store(store)?.put_with_key(value, &key.into()).map(drop).map_err(error::of_js)
    }

    pub fn delete(&self, store: &str, key: &str) -> Result<()> {
        self.store(store)?.delete(&key.into()).map(drop).map_err(error::of_js)
    }

    /// Nothing, for an empty range: the browser would throw.
    pub fn delete_range(&self, store: &str, keys: &Range<String>) -> Result<()> {
        if keys.is_empty() {
            return Ok(());
        }
        let (start, end) = (keys.start.as_str().into(), keys.end.as_str().into());
        let range = IdbKeyRange::bound_with_lower_open_and_upper_open(&start, &end, false, true);
        self.store(store)?.delete(&range.map_err(error::of_js)?.into()).map(drop).map_err(error::of_js)
    }

    /// Listens from this call on, not from the first poll: the end may come before.
    fn ended(&self) -> impl Future<Output = Result<()>> + use<> {
        let transaction = self.0.clone();
        let ended = JsFuture::from(Promise::new(&mut |resolve, _| {
            transaction.set_oncomplete(Some(&resolve));
            transaction.set_onabort(Some(&resolve));
        }));
        async move {
            let event: Event = ended.await.map_err(error::of_js)?.unchecked_into();
            if event.type_() == "complete" {
                return Ok(());
            }
            // The cause of an abort is here or nowhere: a full disk shows on no request.
            Err(match transaction.error() {
                Some(exception) => error::of_exception(&exception),
                None => Error::Io { detail: "the transaction was aborted".into() },
            })
        }
    }
}

/// A copy of its own: cloning a view of the engine's memory into the database would clone all of that memory.
pub fn buffer_of(bytes: &[u8]) -> ArrayBuffer {
    Uint8Array::from(bytes).buffer()
}

/// `None` for `undefined`, which is what IndexedDB answers for a key that is not there.
pub fn bytes_of(value: &JsValue) -> Option<Vec<u8>> {
    (!value.is_undefined()).then(|| Uint8Array::new(value).to_vec())
}

/// Half-open; callers see to it that it is not empty, for which rexie would answer with an error.
pub fn key_range(keys: &Range<String>) -> Result<rexie::KeyRange> {
    let (start, end) = (keys.start.as_str().into(), keys.end.as_str().into());
    rexie::KeyRange::bound(&start, &end, Some(false), Some(true)).map_err(|error| error::of_rexie(error.into()))
}
