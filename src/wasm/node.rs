//! Query and data node as their workers' scripts see them.

use super::PANIC;
use super::host::EXECUTE;
use super::platform::{BrowserPlatform, Outlet, open_store};
use super::reply::{RoleReply, bytes_of};
use super::store::{BrowserStore, FilesBeside};
use crate::cluster::{NodeAnswer, NodeCommand};
use crate::data_node::DataNode;
use crate::error::{RelayedError, Result};
use crate::json;
use crate::platform::Platform;
use crate::query_node::QueryNode;
use crate::request::parse;
use js_sys::Array;
use std::rc::Rc;
use wasm_bindgen::prelude::*;
use web_sys::Blob;

/// What a worker can open before it knows which node it will be.
#[wasm_bindgen]
pub struct NodeStore(BrowserStore);

#[wasm_bindgen]
impl NodeStore {
    pub async fn open(config: String) -> Result<NodeStore, JsError> {
        Ok(NodeStore(open_store(&json::read(config.as_bytes())?).await?))
    }
}

fn answer_to_execute(answer: Result<NodeAnswer>) -> RoleReply {
    let mut answer = answer.map_err(RelayedError::from);
    let blobs = answer.as_mut().map_or_else(|_| Vec::new(), NodeAnswer::take_blobs);
    RoleReply::new(serde_json::to_string(&answer).expect("answers are plain data"), blobs, Vec::new())
}

#[wasm_bindgen]
pub struct QueryNodeRole {
    node: Rc<QueryNode<BrowserPlatform>>,
}

#[wasm_bindgen]
impl QueryNodeRole {
    #[wasm_bindgen(constructor)]
    pub fn new(store: NodeStore, outlet: Outlet) -> QueryNodeRole {
        QueryNodeRole { node: QueryNode::new(BrowserPlatform::new(store.0, outlet)) }
    }

    pub async fn handle(&self, method: String, body: String, blobs: Vec<Array>) -> JsValue {
        match method.as_str() {
            EXECUTE => {
                let blob = bytes_of(&blobs).into_iter().next().map(Rc::from);
                answer_to_execute(match parse::<NodeCommand>(EXECUTE, &body) {
                    Ok(command) => self.node.execute(command, blob).await,
                    Err(error) => Err(error),
                })
                .into()
            }
            PANIC => panic!("asked to"),
            _ => {
                let reply = self.node.handle(&method, &body, bytes_of(&blobs)).await;
                RoleReply::new(reply.body, reply.blobs, Vec::new()).into()
            }
        }
    }
}

#[wasm_bindgen]
pub struct DataNodeRole {
    node: DataNode<BrowserPlatform>,
    platform: BrowserPlatform,
}

#[wasm_bindgen]
impl DataNodeRole {
    #[wasm_bindgen(constructor)]
    pub fn new(store: NodeStore, outlet: Outlet, beside: FilesBeside) -> DataNodeRole {
        let platform = BrowserPlatform::new(store.0.with_files_beside(beside), outlet);
        DataNodeRole { node: DataNode::new(platform.clone()), platform }
    }

    /// Gives it bytes that it can open once by that name.
    pub fn lend(&self, name: String, blob: Blob) {
        self.platform.files().lend(name, blob);
    }

    pub async fn handle(&self, method: String, body: String, _blobs: Vec<Array>) -> JsValue {
        assert_ne!(method, PANIC, "asked to");
        answer_to_execute(match parse::<NodeCommand>(EXECUTE, &body) {
            Ok(command) => self.node.execute(command).await,
            Err(error) => Err(error),
        })
        .into()
    }
}
