//! The coordinator as its worker's script sees it.

use super::PANIC;
use super::host::{Host, Workers};
use super::platform::{BrowserPlatform, StoreConfig, open_store};
use super::reply::{RoleReply, bytes_of};
use crate::coordinator::{Config, Coordinator};
use crate::event::LoadProgress;
use crate::json;
use crate::platform::Platform;
use crate::storage::Handed;
use js_sys::Array;
use serde::Deserialize;
use std::rc::Rc;
use wasm_bindgen::prelude::*;
use web_sys::Blob;

/// What the page opens a store with.
#[derive(Deserialize)]
struct OwnerConfig {
    #[serde(flatten)]
    store: StoreConfig,
    #[serde(default)]
    engine: Config,
}

#[wasm_bindgen]
pub struct CoordinatorRole {
    coordinator: Rc<Coordinator<BrowserPlatform, Workers>>,
    workers: Workers,
    platform: BrowserPlatform,
    /// Told of nodes that die, as long as the role lives.
    _on_death: Closure<dyn Fn(String)>,
    _on_event: Closure<dyn Fn(String, String, String)>,
}

/// What `Event::Progress` looks like when it arrives.
#[derive(Deserialize)]
struct NodeProgress {
    loaded_bytes: LoadProgress,
}

#[wasm_bindgen]
impl CoordinatorRole {
    pub async fn open(config: String, host: Host) -> Result<CoordinatorRole, JsError> {
        let outlet = host.clone().unchecked_into();
        let host = Rc::new(host);
        let parsed: OwnerConfig = json::read(config.as_bytes())?;
        let platform = BrowserPlatform::new(open_store(&parsed.store).await?, outlet);
        platform.prepare_files();
        host.open_nodes_with(&serde_json::to_string(&platform.config_of_nodes(parsed.store))?);
        let workers = Workers::new(host.clone(), platform.clone());
        let coordinator = Coordinator::open(platform.clone(), workers.clone(), parsed.engine).await?;
        platform.renew_log();
        let told = coordinator.clone();
        let on_death = Closure::new(move |node: String| told.node_died(&node));
        host.on_death(on_death.as_ref().unchecked_ref());
        let told = coordinator.clone();
        let on_event = Closure::new(move |node: String, event: String, detail: String| {
            if event == "progress" {
                let progress: NodeProgress = json::read(detail.as_bytes()).expect("a node is of the same module");
                told.node_progressed(&node, progress.loaded_bytes);
            }
        });
        host.on_event(on_event.as_ref().unchecked_ref());
        Ok(CoordinatorRole { coordinator, workers, platform, _on_death: on_death, _on_event: on_event })
    }

    /// Keeps a Blob that came with a request, whose `handed` is the number.
    pub fn hand(&self, blob: Blob) -> u32 {
        self.platform.files().hand(blob).0
    }

    #[wasm_bindgen(js_name = takeBack)]
    pub fn take_back(&self, handed: u32) {
        self.platform.files().take_back(Handed(handed));
    }

    pub async fn handle(&self, method: String, body: String, blobs: Vec<Array>) -> JsValue {
        if method == PANIC {
            // The body names a node, or nothing for the coordinator itself.
            assert!(!body.is_empty(), "asked to");
            let answer = self.workers.ask(&body, PANIC, "", Vec::new()).await.map(|reply| reply.body);
            return RoleReply { body: format!("{answer:?}"), ..RoleReply::default() }.into();
        }
        let reply = self.coordinator.handle(&method, &body, bytes_of(&blobs)).await;
        RoleReply::new(reply.body, reply.blobs, reply.nodes).into()
    }
}
