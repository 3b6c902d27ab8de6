//! What clients may rely on, feature by feature.

mod catalog;
mod coded;
mod collections;
mod ddl_while_loaded;
mod exact;
mod expiry;
mod exports;
mod fields;
mod imports;
mod indexes;
mod iterators;
mod load_and_release;
mod load_limits;
mod loading;
mod node_deaths;
mod partitions;
mod persistence;
mod repeats;
mod sealing;
mod search;
mod sharding;
mod shared_shards;
mod writes;

use crate::support::Lab;
use crate::support::rows::{book, books, index};
use serde_json::json;

/// `book` with the default partition and `p1`, `p2`, ids from 1, 101 and 201 on, `per_partition` rows each, with an index.
async fn library(lab: &Lab, per_partition: i64, metric: &str) {
    lab.call("CreateCollection", book()).await.ok();
    lab.call("CreateIndex", index("book", "v", metric)).await.ok();
    for partition in ["p1", "p2"] {
        lab.call_on("CreatePartition", "book", json!({ "partition_name": partition })).await.ok();
    }
    for (partition, first) in [("", 1), ("p1", 101), ("p2", 201)].into_iter().filter(|_| per_partition > 0) {
        lab.insert("book", partition, &books(first..first + per_partition)).await.ok();
    }
}
