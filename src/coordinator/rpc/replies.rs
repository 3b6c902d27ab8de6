//! What callers get: Milvus' replies as JSON.

use super::Reply;
use crate::coordinator::describe::{decimal, with_success};
use crate::coordinator::export::Exported;
use crate::coordinator::load_progress::Route;
use crate::coordinator::write::Written;
use crate::error::{Error, Status};
use crate::value::{Batch, WriteMode};
use serde_json::{Value, json};

/// In the status of a load that has begun.
const TICKET: &str = "elanus.ticket";

pub(super) fn version() -> String {
    format!("elanus-{}", env!("CARGO_PKG_VERSION"))
}

pub(super) fn connected() -> Reply {
    with_success(json!({
        "identifier": "1",
        "server_info": {
            "build_tags": version(), "build_time": "", "git_commit": "", "go_version": "", "deploy_mode": "BROWSER", "reserved": {},
        },
    }))
    .into()
}

pub(super) fn routed(route: Route) -> Reply {
    let body = with_success(json!({
        "collection_id": decimal(route.collection.id),
        "load_version": route.version,
        "nodes": route.nodes,
    }));
    Reply { body: body.to_string(), blobs: Vec::new(), nodes: route.nodes }
}

/// With the load's ticket, for the client that may want to cancel it.
pub(super) fn load_begun(ticket: Option<u64>) -> Reply {
    let mut status = Status::success();
    status.extra_info.extend(ticket.map(|ticket| (TICKET.to_owned(), ticket.to_string())));
    json!(status).into()
}

pub(super) fn refusal(error: &Error) -> Reply {
    json!({ "status": Status::from(error) }).into()
}

/// The keys are a column beside it: as JSON ten thousand take a page milliseconds.
pub(super) fn inserted(written: &Written, mode: WriteMode) -> Reply {
    let count = written.keys.len();
    let replaced = if mode == WriteMode::Upsert { count } else { 0 };
    let body = with_success(json!({
        "err_index": [],
        "acknowledged": false,
        "insert_cnt": decimal(count),
        "delete_cnt": decimal(replaced),
        "upsert_cnt": decimal(replaced),
        "timestamp": decimal(written.at),
    }));
    let keys = Batch { rows: count, columns: vec![("$key".to_owned(), written.keys.to_column())] };
    Reply { body: body.to_string(), blobs: vec![keys.encode()], nodes: Vec::new() }
}

pub(super) fn exported((body, blobs): Exported) -> Reply {
    Reply { body: body.to_string(), blobs, nodes: Vec::new() }
}

pub(super) fn deleted(count: u64) -> Value {
    json!({
        "IDs": {},
        "succ_index": [],
        "err_index": [],
        "acknowledged": false,
        "insert_cnt": "0",
        "delete_cnt": decimal(count),
        "upsert_cnt": "0",
        "timestamp": "0",
    })
}

pub(super) fn compaction_completed() -> Value {
    json!({
        "state": "Completed",
        "executingPlanNo": "0",
        "timeoutPlanNo": "0",
        "completedPlanNo": "0",
        "failedPlanNo": "0",
    })
}
