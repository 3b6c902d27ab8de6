//! The storage contract over IndexedDB and OPFS, and what only a browser can do to a store.

use elanus::Error;
use elanus::storage::contract::{self, Place};
use elanus::storage::{Durability, Epoch, Files, Records, Store, WriteBatch};
use elanus::wasm::platform::yield_now;
use elanus::wasm::store::{BrowserStore, BrowserStoreConfig, FilesIn};
use futures::FutureExt;
use futures::future::{LocalBoxFuture, join};
use js_sys::{Array, Uint8Array};
use rexie::{ObjectStore, Rexie, TransactionMode};
use std::cell::RefCell;
use wasm_bindgen_test::wasm_bindgen_test;
use web_sys::Blob;

struct BrowserPlace(&'static str, FilesIn);

impl Place for BrowserPlace {
    type Storage = BrowserStore;

    async fn open(&self) -> BrowserStore {
        let store = opened(self.0, self.1).await;
        store.prepare_files().await;
        store
    }
}

macro_rules! indexed_db_test {
    ($check:ident) => {
        #[wasm_bindgen_test]
        async fn $check() {
            let name = concat!("indexed_db/", stringify!($check));
            contract::$check(&BrowserPlace(name, FilesIn::IndexedDb)).await;
            BrowserStore::delete(name).await.unwrap();
        }
    };
}

macro_rules! opfs_test {
    ($check:ident) => {
        #[wasm_bindgen_test]
        async fn $check() {
            let name = concat!("opfs/", stringify!($check));
            contract::$check(&BrowserPlace(name, FilesIn::Opfs)).await;
            BrowserStore::delete(name).await.unwrap();
        }
    };
}

mod indexed_db {
    use super::*;
    elanus::storage_contract!(indexed_db_test);
}

mod opfs {
    use super::*;
    elanus::storage_contract!(opfs_test);
}

pub async fn opened(name: &str, files_in: FilesIn) -> BrowserStore {
    BrowserStore::open(&BrowserStoreConfig { name, files_in, survives_power_loss: false, probed: None }).await.unwrap()
}

async fn owned(name: &str) -> (BrowserStore, Epoch) {
    let store = in_database(name).await;
    let epoch = store.take_over().await.unwrap();
    (store, epoch)
}

pub async fn in_database(name: &str) -> BrowserStore {
    opened(name, FilesIn::IndexedDb).await
}

fn batch(epoch: Epoch, keys: &[&str]) -> WriteBatch {
    let mut batch = WriteBatch::new(epoch, Durability::Relaxed);
    for key in keys {
        batch.put(Store::Log, *key, vec![1; 1_000]);
    }
    batch
}

async fn log_keys(store: &BrowserStore) -> Vec<String> {
    let found = store.scan(Store::Log, "".into().."~".into(), usize::MAX).await.unwrap();
    found.into_iter().map(|(key, _)| key).collect()
}

/// Every key of the object store `files`, chunks too, past the implementation.
pub async fn raw_file_keys(name: &str) -> Vec<String> {
    let builder = Rexie::builder(&format!("elanus/{name}")).version(1);
    let rexie = builder.add_object_store(ObjectStore::new("files")).build().await.unwrap();
    let files = rexie.transaction(&["files"], TransactionMode::ReadOnly).unwrap().store("files").unwrap();
    let keys = files.get_all_keys(None, None).await.unwrap();
    rexie.close();
    keys.iter().filter_map(|key| key.as_string()).collect()
}

pub async fn a_while() {
    for _ in 0..200 {
        yield_now().await;
    }
}

#[wasm_bindgen_test]
async fn a_dropped_commit_happens_whole() {
    let (store, epoch) = owned("dropped commit").await;
    assert!(Box::pin(store.commit(batch(epoch, &["a", "b", "c"]))).now_or_never().is_none());
    // Reads wait for the writes that were called before them.
    assert_eq!(log_keys(&store).await, ["a", "b", "c"]);
}

#[wasm_bindgen_test]
async fn a_commit_that_nobody_polls_happens_whole() {
    let (store, epoch) = owned("slow caller").await;
    let mut commit = Box::pin(store.commit(batch(epoch, &["a", "b"])));
    assert!(futures::poll!(&mut commit).is_pending());
    a_while().await;
    assert_eq!(commit.await, Ok(()));
    assert_eq!(log_keys(&store).await, ["a", "b"]);
}

#[wasm_bindgen_test]
async fn a_dropped_read_leaves_nothing_that_throws() {
    let store = in_database("dropped read").await;
    store.write("f", &vec![3; 40 << 20]).await.unwrap();
    let thrown = ThrownErrors::listen();
    for turns in [1, 2, 5, 20] {
        let mut bytes = vec![0; 40 << 20];
        let mut read = Box::pin(store.read("f", 0, &mut bytes));
        for _ in 0..turns {
            if futures::poll!(&mut read).is_ready() {
                break;
            }
            yield_now().await;
        }
        drop(read);
    }
    let mut bytes = vec![0; 40 << 20];
    store.read("f", 0, &mut bytes).await.unwrap();
    assert!(bytes.iter().all(|byte| *byte == 3));
    assert_eq!(thrown.count(), 0);
}

#[wasm_bindgen_test]
async fn a_dropped_file_write_is_not_listed_and_is_swept() {
    let store = in_database("dropped write").await;
    store.write("whole", &[1]).await.unwrap();
    let bytes = vec![3; 12 << 20];
    let mut write = Box::pin(store.write("part", &bytes));
    assert!(futures::poll!(&mut write).is_pending());
    drop(write);
    a_while().await;
    assert_eq!(store.list("").await.unwrap(), ["whole"]);
    assert!(matches!(store.size("part").await, Err(Error::KeyNotFound { .. })));
    assert_eq!(raw_file_keys("dropped write").await, ["part#0", "whole", "whole#0"]);
    store.sweep_partial().await.unwrap();
    assert_eq!(raw_file_keys("dropped write").await, ["whole", "whole#0"]);
}

#[wasm_bindgen_test]
async fn deleted_and_replaced_files_leave_no_chunks() {
    let store = in_database("chunks").await;
    for name in ["a", "ab"] {
        store.write(name, &vec![0; 9 << 20]).await.unwrap();
    }
    store.write("a", &[1]).await.unwrap();
    store.delete(&["ab".into()]).await.unwrap();
    assert_eq!(raw_file_keys("chunks").await, ["a", "a#0"]);
}

/// Whoever writes has the catalog to itself: a browser that is killed during two writes at once loses the database.
#[wasm_bindgen_test]
async fn writes_take_turns() {
    let (store, epoch) = owned("turns").await;
    let builder = Rexie::builder("elanus/turns").version(1);
    let rexie = builder.add_object_store(ObjectStore::new("catalog")).build().await.unwrap();
    let other = rexie.transaction(&["catalog"], TransactionMode::ReadWrite).unwrap();
    let catalog = other.store("catalog").unwrap();
    let written = RefCell::new(Vec::new());
    let note = async |name, writing: LocalBoxFuture<'_, Result<(), Error>>| {
        writing.await.unwrap();
        written.borrow_mut().push(name);
    };
    let writes = join(
        note("file", store.write("f", &[1]).boxed_local()),
        note("commit", store.commit(batch(epoch, &["a"])).boxed_local()),
    );
    let others_turn = async {
        for _ in 0..200 {
            catalog.get("held".into()).await.unwrap();
            assert!(written.borrow().is_empty());
        }
        other.done().await.unwrap();
    };
    join(writes, others_turn).await;
    assert_eq!(*written.borrow(), ["file", "commit"]);
    rexie.close();
}

#[wasm_bindgen_test]
async fn a_missing_chunk_is_corruption() {
    let store = in_database("broken").await;
    store.write("f", &vec![0; 9 << 20]).await.unwrap();
    let builder = Rexie::builder("elanus/broken").version(1);
    let rexie = builder.add_object_store(ObjectStore::new("files")).build().await.unwrap();
    let transaction = rexie.transaction(&["files"], TransactionMode::ReadWrite).unwrap();
    transaction.store("files").unwrap().delete("f#1".into()).await.unwrap();
    transaction.done().await.unwrap();
    rexie.close();
    let mut bytes = vec![0; 9 << 20];
    assert!(matches!(store.read("f", 0, &mut bytes).await, Err(Error::Corrupt { .. })));
    // What is still there can be read.
    store.read("f", 0, &mut bytes[..4 << 20]).await.unwrap();
    store.read("f", 8 << 20, &mut bytes[..1 << 20]).await.unwrap();
}

#[wasm_bindgen_test]
async fn what_was_handed_over_becomes_a_file() {
    let name = "what_was_handed_over_becomes_a_file";
    let (store, _) = owned(name).await;
    let bytes: Vec<u8> = (0..9_000_000u32).map(|at| (at % 251) as u8).collect();
    let parts = Array::of1(&Uint8Array::from(&bytes[..]));
    let handed = store.hand(Blob::new_with_u8_array_sequence(&parts).unwrap());
    store.adopt("adopted", handed).await.unwrap();
    store.take_back(handed);
    assert_eq!(store.size("adopted").await.unwrap(), 9_000_000);
    let mut read = vec![0; 5_000_000];
    store.read("adopted", 3_999_999, &mut read).await.unwrap();
    assert!(read[..] == bytes[3_999_999..8_999_999]);
    assert!(matches!(store.adopt("again", handed).await, Err(Error::Unexpected(_))));
    let empty = store.hand(Blob::new().unwrap());
    store.adopt("empty", empty).await.unwrap();
    assert_eq!(store.size("empty").await.unwrap(), 0);
    assert_eq!(store.list("").await.unwrap(), ["adopted", "empty"]);
    BrowserStore::delete(name).await.unwrap();
}

#[wasm_bindgen_test]
async fn an_open_handle_does_not_block_deletion() {
    let (store, epoch) = owned("deleted").await;
    BrowserStore::delete("deleted").await.unwrap();
    assert!(matches!(store.commit(batch(epoch, &["a"])).await, Err(Error::Io { .. })));
    assert!(matches!(store.list("").await, Err(Error::Io { .. })));
    let (again, epoch) = owned("deleted").await;
    assert_eq!(epoch, Epoch(1));
    assert!(log_keys(&again).await.is_empty());
}

#[wasm_bindgen_test]
async fn a_store_of_a_newer_format_is_refused() {
    let (store, epoch) = owned("newer").await;
    let rexie = Rexie::builder("elanus/newer").version(1).build().await.unwrap();
    let transaction = rexie.transaction(&["catalog"], TransactionMode::ReadWrite).unwrap();
    let head = js_sys::Uint8Array::from(br#"{"format":2,"epoch":9}"#.as_slice()).buffer();
    transaction.store("catalog").unwrap().put(&head, Some(&"head".into())).await.unwrap();
    transaction.done().await.unwrap();
    rexie.close();
    assert!(matches!(store.take_over().await, Err(Error::Corrupt { .. })));
    assert!(matches!(store.commit(batch(epoch, &["a"])).await, Err(Error::Corrupt { .. })));
    assert!(log_keys(&store).await.is_empty());
}

/// What reaches nobody but the worker's `error` event.
struct ThrownErrors(js_sys::Array);

impl ThrownErrors {
    fn listen() -> Self {
        let thrown = js_sys::Array::new();
        let listener = js_sys::Function::new_with_args(
            "thrown",
            "addEventListener('error', event => thrown.push(event.message));
             addEventListener('unhandledrejection', event => thrown.push(String(event.reason)));",
        );
        listener.call1(&wasm_bindgen::JsValue::NULL, &thrown).unwrap();
        ThrownErrors(thrown)
    }

    fn count(&self) -> u32 {
        self.0.length()
    }
}
