use crate::cluster::NodeId;
use js_sys::Uint8Array;
use serde::{Deserialize, Serialize};
use serde_bytes::ByteBuf;
use wasm_bindgen::JsValue;

/// An answer as the worker scripts pass it on.
#[derive(Default, Serialize, Deserialize)]
pub struct RoleReply {
    pub body: String,
    #[serde(default)]
    pub blobs: Vec<ByteBuf>,
    /// Nodes to which the reply carries a port.
    #[serde(default)]
    pub nodes: Vec<NodeId>,
}

impl RoleReply {
    pub fn new(body: String, blobs: Vec<Vec<u8>>, nodes: Vec<NodeId>) -> Self {
        RoleReply { body, blobs: blobs.into_iter().map(ByteBuf::from).collect(), nodes }
    }
}

impl From<RoleReply> for JsValue {
    fn from(reply: RoleReply) -> JsValue {
        serde_wasm_bindgen::to_value(&reply).expect("text, bytes and names become JavaScript values")
    }
}

pub fn bytes_of(blobs: &[Uint8Array]) -> Vec<Vec<u8>> {
    blobs.iter().map(Uint8Array::to_vec).collect()
}
