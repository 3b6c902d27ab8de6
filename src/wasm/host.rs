//! The nodes of the coordinator: workers that its script starts, calls and ends.

use super::platform::BrowserPlatform;
use super::reply::RoleReply;
use crate::cluster::{Lent, NodeAnswer, NodeCommand, NodeId, NodeKind, Nodes};
use crate::error::{Error, RelayedError, Result};
use crate::json;
use crate::platform::Platform;
use futures::FutureExt;
use futures::future::LocalBoxFuture;
use js_sys::{Function, Promise, Reflect, Uint8Array};
use serde_bytes::ByteBuf;
use std::rc::Rc;
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;
use web_sys::Blob;

#[wasm_bindgen]
extern "C" {
    /// What the coordinator's script offers.
    pub type Host;
    /// JSON; to be called before the first node is spawned.
    #[wasm_bindgen(method, js_name = openNodesWith)]
    pub fn open_nodes_with(this: &Host, config: &str);
    #[wasm_bindgen(method)]
    fn spawn(this: &Host, kind: &str, id: &str) -> Promise;
    #[wasm_bindgen(method)]
    fn call(this: &Host, id: &str, method: &str, body: &str, blobs: Vec<Uint8Array>) -> Promise;
    #[wasm_bindgen(method)]
    fn lend(this: &Host, id: &str, name: &str, blob: &Blob);
    #[wasm_bindgen(method)]
    fn terminate(this: &Host, id: &str);
    #[wasm_bindgen(method, js_name = onDeath)]
    pub fn on_death(this: &Host, callback: &Function);
    #[wasm_bindgen(method, js_name = onEvent)]
    pub fn on_event(this: &Host, callback: &Function);
}

/// The call by which a node is given a command.
pub const EXECUTE: &str = "Execute";

#[derive(Clone)]
pub struct Workers {
    host: Rc<Host>,
    platform: BrowserPlatform,
}

impl Workers {
    pub fn new(host: Rc<Host>, platform: BrowserPlatform) -> Self {
        Workers { host, platform }
    }

    /// Calls a node by any method.
    pub fn ask(
        &self,
        id: &str,
        method: &str,
        body: &str,
        blobs: Vec<Uint8Array>,
    ) -> LocalBoxFuture<'static, Result<RoleReply>> {
        // It hears of a refusal also where nobody waits for the answer yet: a worker does not survive one that nobody hears of.
        let answer = JsFuture::from(self.host.call(id, method, body, blobs));
        let id = id.to_owned();
        async move {
            let reply = answer.await.map_err(|thrown| node_error(&id, &thrown))?;
            serde_wasm_bindgen::from_value(reply)
                .map_err(|error| Error::Unexpected(format!("node {id} answered with nonsense: {error}")))
        }
        .boxed_local()
    }
}

impl Nodes for Workers {
    async fn start(&self, kind: NodeKind, id: &NodeId) -> Result<()> {
        let kind = match kind {
            NodeKind::Query => "query",
            NodeKind::Data => {
                // It writes files.
                self.platform.files().prepare_files().await;
                "data"
            }
        };
        match JsFuture::from(self.host.spawn(kind, id)).await {
            Ok(_) => Ok(()),
            Err(thrown) => Err(match node_error(id, &thrown) {
                ended @ Error::NodeOffline { .. } => ended,
                _ => Error::Unexpected(format!("a worker could not be started: {}", text_of(&thrown))),
            }),
        }
    }

    fn call(
        &self,
        id: &NodeId,
        command: NodeCommand,
        blob: Option<Rc<[u8]>>,
    ) -> LocalBoxFuture<'static, Result<NodeAnswer>> {
        for Lent { name, handed } in command.lent() {
            if let Some(blob) = self.platform.files().handed(*handed) {
                self.host.lend(id, name, &blob);
            }
        }
        let body = serde_json::to_string(&command).expect("commands are plain data");
        let blobs = blob.iter().map(|blob| Uint8Array::from(&**blob)).collect();
        let answer = self.ask(id, EXECUTE, &body, blobs);
        let id = id.clone();
        async move {
            let reply = answer.await?;
            let blobs = reply.blobs.into_iter().map(ByteBuf::into_vec).collect();
            json::read::<Result<NodeAnswer, RelayedError>>(reply.body.as_bytes())
                .map_err(|error| Error::Unexpected(format!("node {id} answered with nonsense: {error}")))?
                .map(|answer| answer.with_blobs(blobs))
                .map_err(Error::Relayed)
        }
        .boxed_local()
    }

    fn end(&self, id: &NodeId) {
        self.host.terminate(id);
    }
}

fn node_error(id: &str, thrown: &JsValue) -> Error {
    let dead = Reflect::get(thrown, &"dead".into()).is_ok_and(|dead| dead.is_truthy());
    if dead { Error::NodeOffline { node: id.to_owned() } } else { Error::Unexpected(text_of(thrown)) }
}

fn text_of(thrown: &JsValue) -> String {
    match thrown.dyn_ref::<js_sys::Error>() {
        Some(error) => String::from(error.message()),
        None => format!("{thrown:?}"),
    }
}
