//! The storage contract with files written by a script, as by the worker beside a data node, and what becomes of writes that
//! fail there.

use super::slots::{eventually_filled, filled_slots, in_opfs};
use elanus::Error;
use elanus::storage::Files;
use elanus::storage::contract::{self, Place};
use elanus::wasm::store::{BrowserStore, FilesBeside};
use wasm_bindgen::prelude::*;
use wasm_bindgen_test::wasm_bindgen_test;

#[wasm_bindgen(inline_js = "
export function scriptedWriter(faults) {
  const fault = method => {
    if (faults[method] === undefined || --faults[method] > 0) return;
    delete faults[method];
    throw new DOMException('made up', 'QuotaExceededError');
  };
  return {
    start: async () => {},
    read: async (blob, at, length) => new Uint8Array(await blob.slice(at, at + length).arrayBuffer()),
    async open(folders, name) {
      fault('open');
      let folder = await navigator.storage.getDirectory();
      for (const inside of folders) folder = await folder.getDirectoryHandle(inside);
      const handle = await (await folder.getFileHandle(name)).createSyncAccessHandle();
      const later = work => new Promise((resolve, reject) => setTimeout(() => {
        try { resolve(work()); } catch (error) { reject(error); }
      }));
      const taken = [];
      return {
        bytes: handle.getSize(),
        take: bytes => taken.push(bytes.slice()),
        async write(at) {
          const copy = new Uint8Array(await new Blob(taken.splice(0)).arrayBuffer());
          return later(() => {
            fault('write');
            const isShort = faults.short !== undefined && --faults.short === 0;
            return handle.write(isShort ? copy.subarray(1) : copy, { at });
          });
        },
        truncate: () => later(() => handle.truncate(0)),
        flush: () => later(() => { fault('flush'); handle.flush(); }),
        close: async () => handle.close(),
      };
    },
  };
}
")]
extern "C" {
    #[wasm_bindgen(js_name = scriptedWriter)]
    fn scripted_writer(faults: &JsValue) -> FilesBeside;
}

/// `faults`: JSON, by method the number of the call that fails.
async fn with_writer(store: &str, faults: &str) -> BrowserStore {
    let faults = js_sys::JSON::parse(faults).unwrap();
    in_opfs(store).await.with_files_beside(scripted_writer(&faults))
}

struct WriterPlace(&'static str);

impl Place for WriterPlace {
    type Storage = BrowserStore;

    async fn open(&self) -> BrowserStore {
        with_writer(self.0, "{}").await
    }
}

macro_rules! writer_test {
    ($check:ident) => {
        #[wasm_bindgen_test]
        async fn $check() {
            let name = concat!("beside/", stringify!($check));
            contract::$check(&WriterPlace(name)).await;
            BrowserStore::delete(name).await.unwrap();
        }
    };
}

mod contract_of_storage {
    use super::*;
    elanus::storage_contract!(writer_test);
}

/// In pieces, so that some are written when one fails.
const LARGE_BYTES: usize = 40 << 20;

async fn assert_nothing_stays(store: &str, faults: &str) {
    let files = with_writer(store, faults).await;
    files.write("before", &vec![1; 1 << 20]).await.unwrap();
    let refused = files.write("large", &vec![2; LARGE_BYTES]).await.unwrap_err();
    assert!(matches!(refused, Error::DiskQuotaExceeded { .. }), "{refused:?}");
    assert_eq!(files.list("").await.unwrap(), ["before"]);
    assert_eq!(filled_slots(store).await, 1);
    files.write("large", &vec![3; LARGE_BYTES]).await.unwrap();
    let mut read = vec![0; LARGE_BYTES];
    files.read("large", 0, &mut read).await.unwrap();
    assert!(read.iter().all(|byte| *byte == 3));
    assert_eq!(filled_slots(store).await, 2);
    BrowserStore::delete(store).await.unwrap();
}

#[wasm_bindgen_test]
async fn a_write_that_throws_leaves_nothing() {
    assert_nothing_stays("beside-throws", r#"{ "write": 4 }"#).await;
}

#[wasm_bindgen_test]
async fn a_write_that_is_short_leaves_nothing() {
    assert_nothing_stays("beside-short", r#"{ "short": 4 }"#).await;
}

#[wasm_bindgen_test]
async fn a_flush_that_throws_leaves_nothing() {
    assert_nothing_stays("beside-flush", r#"{ "flush": 2 }"#).await;
}

#[wasm_bindgen_test]
async fn what_cannot_be_opened_beside_goes_into_the_database() {
    let store = "beside-missing";
    let files = with_writer(store, r#"{ "open": 1 }"#).await;
    files.write("a", &vec![1; 1 << 20]).await.unwrap();
    assert_eq!(filled_slots(store).await, 0);
    files.write("b", &vec![1; 1 << 20]).await.unwrap();
    eventually_filled(store, 1).await;
    assert_eq!(files.list("").await.unwrap(), ["a", "b"]);
    BrowserStore::delete(store).await.unwrap();
}
