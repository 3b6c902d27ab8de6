//! What roles need of the worker they run in.

use super::allocator::allocated_bytes;
use super::store::{BrowserStore, BrowserStoreConfig, FilesIn, Probed};
use crate::error::Result;
use crate::event::Event;
use crate::platform::{InstanceMemory, Platform};
use futures::future::LocalBoxFuture;
use js_sys::{Function, Promise};
use serde::{Deserialize, Serialize};
use std::rc::Rc;
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;
use web_sys::MessageChannel;

#[wasm_bindgen]
extern "C" {
    #[wasm_bindgen(js_name = setTimeout)]
    fn set_timeout(callback: &Function, milliseconds: u32) -> i32;

    /// As if nobody had caught it: the worker's script then ends the worker.
    #[wasm_bindgen(js_name = reportError)]
    fn report_error(error: js_sys::Error);

    /// What the worker's script offers to every role.
    pub type Outlet;
    #[wasm_bindgen(method)]
    fn emit(this: &Outlet, event: &str, detail: &str);
}

/// The store that a page's config names.
#[derive(Serialize, Deserialize)]
pub struct StoreConfig {
    store: String,
    #[serde(default)]
    durability: Option<String>,
    #[serde(default)]
    files_in: FilesIn,
    /// By the coordinator, for its nodes.
    #[serde(default)]
    probed: Option<Probed>,
}

pub async fn open_store(config: &StoreConfig) -> Result<BrowserStore> {
    let StoreConfig { store: name, files_in, probed, .. } = config;
    let (files_in, probed, survives_power_loss) = (*files_in, *probed, config.durability.as_deref() == Some("strict"));
    BrowserStore::open(&BrowserStoreConfig { name, files_in, survives_power_loss, probed }).await
}

/// A browser worker with a store.
#[derive(Clone)]
pub struct BrowserPlatform {
    store: Rc<BrowserStore>,
    outlet: Rc<Outlet>,
}

impl BrowserPlatform {
    pub fn new(store: BrowserStore, outlet: Outlet) -> Self {
        store.when_lost(|| {
            report_error(js_sys::Error::new("the store's database was deleted, or closed by the browser"))
        });
        BrowserPlatform { store: Rc::new(store), outlet: Rc::new(outlet) }
    }

    /// What other workers of this store open it with.
    pub fn config_of_nodes(&self, config: StoreConfig) -> StoreConfig {
        StoreConfig { probed: self.store.probed(), ..config }
    }

    /// Lets the owner of a store write files, while other things go on.
    pub fn prepare_files(&self) {
        let store = self.store.clone();
        wasm_bindgen_futures::spawn_local(async move { store.prepare_files().await });
    }

    /// Protects the browser's own files from the traces of an earlier kill, while other things go on.
    pub fn renew_log(&self) {
        let store = self.store.clone();
        wasm_bindgen_futures::spawn_local(async move {
            if let Err(error) = store.renew_log().await {
                // On a full disk there is no room for it; the next start tries again.
                web_sys::console::warn_1(&format!("elanus: the log was not renewed: {error}").into());
            }
        });
    }
}

impl Platform for BrowserPlatform {
    type Records = BrowserStore;
    type Files = BrowserStore;

    fn records(&self) -> &BrowserStore {
        &self.store
    }

    fn files(&self) -> &BrowserStore {
        &self.store
    }

    fn now_ms(&self) -> u64 {
        js_sys::Date::now() as u64
    }

    async fn yield_now(&self) {
        yield_now().await;
    }

    async fn sleep(&self, milliseconds: u32) {
        sleep(milliseconds).await;
    }

    fn memory(&self) -> InstanceMemory {
        const PAGE_BYTES: u64 = 65_536;
        InstanceMemory {
            instance_bytes: core::arch::wasm32::memory_size::<0>() as u64 * PAGE_BYTES,
            allocated_bytes: allocated_bytes(),
        }
    }

    fn spawn(&self, task: LocalBoxFuture<'static, ()>) {
        wasm_bindgen_futures::spawn_local(task);
    }

    fn emit(&self, event: Event) {
        let tagged = serde_json::to_value(event).expect("events are plain data");
        self.outlet.emit(tagged["event"].as_str().expect("an event has a name"), &tagged["detail"].to_string());
    }
}

pub async fn sleep(milliseconds: u32) {
    let timer = Promise::new(&mut |resolve, _| {
        set_timeout(&resolve, milliseconds);
    });
    let ended = JsFuture::from(timer).await;
    debug_assert!(ended.is_ok());
}

/// Gives the worker's event loop a turn: messages, storage events and termination come through. A message to oneself is the
/// shortest way to a new turn; timers are held back to 4 ms once they nest.
pub async fn yield_now() {
    let channel = MessageChannel::new().expect("every worker has message channels");
    let (here, there) = (channel.port1(), channel.port2());
    let turn = Promise::new(&mut |resolve, _| here.set_onmessage(Some(&resolve)));
    there.post_message(&JsValue::NULL).expect("null can be posted");
    let arrived = JsFuture::from(turn).await;
    here.close();
    debug_assert!(arrived.is_ok());
}
