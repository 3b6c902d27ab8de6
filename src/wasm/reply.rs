use crate::cluster::NodeId;
use js_sys::{Array, Uint8Array};
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

/// Each blob is the parts that it came in.
pub fn bytes_of(blobs: &[Array]) -> Vec<Vec<u8>> {
    blobs.iter().map(joined).collect()
}

/// `Uint8Array`s that follow one another.
fn joined(parts: &Array) -> Vec<u8> {
    let parts: Vec<Uint8Array> = parts.iter().map(Uint8Array::from).collect();
    let mut bytes = Vec::with_capacity(parts.iter().map(|part| part.length() as usize).sum());
    for part in parts {
        let end = bytes.len() + part.length() as usize;
        part.copy_to_uninit(&mut bytes.spare_capacity_mut()[..part.length() as usize]);
        // SAFETY: there was room, and what it is extended by has just been written.
        unsafe { bytes.set_len(end) };
    }
    bytes
}
