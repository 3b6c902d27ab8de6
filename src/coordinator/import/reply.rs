//! Jobs as clients are told of them: with every key that any version of Milvus fills.

use super::super::Coordinator;
use super::super::describe::{decimal, with_success};
use crate::catalog::{ImportJob, ImportState};
use crate::cluster::Nodes;
use crate::platform::Platform;
use serde_json::{Value, json};

/// Of generated keys that are listed, at most.
const LISTED_IDS: usize = 10_000;

impl<P: Platform, N: Nodes> Coordinator<P, N> {
    pub(in crate::coordinator) fn describe_import(&self, job: &ImportJob) -> Value {
        let files: Vec<&str> = job.files.iter().map(|file| file.name.as_str()).collect();
        let mut infos = vec![
            ("files", files.join(",")),
            ("collection", job.collection_name.clone()),
            ("partition", job.partition_name.clone()),
            ("failed_reason", job.failed_reason.clone()),
            ("progress_percent", job.progress().to_string()),
        ];
        if matches!(job.state, ImportState::Persisted | ImportState::Completed) {
            infos.push(("persist_cost", seconds(job.persist_ms)));
        }
        let ids = job.generated_ids.iter().cloned().flatten().take(LISTED_IDS).map(decimal);
        with_success(json!({
            "state": job.state,
            "row_count": decimal(job.rows),
            "id_list": ids.collect::<Vec<_>>(),
            "infos": infos.into_iter().map(|(key, value)| json!({ "key": key, "value": value })).collect::<Vec<_>>(),
            "id": decimal(job.id),
            "collection_id": decimal(job.collection),
            "segment_ids": job.segments.iter().map(decimal).collect::<Vec<_>>(),
            "create_ts": decimal(job.created_at.millis() / 1000),
        }))
    }
}

/// With two places behind the point.
fn seconds(ms: u64) -> String {
    let hundredths = ms.saturating_add(5) / 10;
    format!("{}.{:02}", hundredths / 100, hundredths % 100)
}
