//! Writes that are sent again by a client that does not know whether they happened.

use super::library;
use crate::support::client::Answer;
use crate::support::rows::{
    batch, books, create, field, index, ints, primary_key, texts, vector_field, vector_of, vectors,
};
use crate::support::{Lab, scenario};
use elanus::storage::Records;
use elanus::storage::Store;
use elanus::storage::faulty::Torn;
use elanus::value::Batch;
use futures::future::join;
use serde_json::{Value, json};

const ID: &str = "0123456789abcdef0123456789abcdef";

#[derive(Clone)]
struct Write {
    method: &'static str,
    body: Value,
    rows: Option<Batch>,
}

impl Write {
    fn new(method: &'static str, body: Value, rows: Option<Batch>) -> Write {
        let mut write = Write { method, body, rows };
        write.body["collection_name"] = json!("book");
        write.body["request_id"] = json!(ID);
        write
    }

    fn insert(rows: Batch) -> Write {
        Write::new("Insert", json!({}), Some(rows))
    }

    fn again(&self) -> Write {
        let mut again = self.clone();
        again.body["repeated"] = json!(true);
        again
    }

    async fn send(&self, lab: &Lab) -> Answer {
        let client = lab.client();
        client.try_call(self.method, self.body.clone(), self.rows.as_ref()).await.expect("the process lives")
    }

    /// Sends it to a process that dies during the commit; then another one has the store.
    async fn send_and_die(&self, lab: &Lab, torn: Torn) {
        lab.crash_at(0, torn);
        let (client, write) = (lab.client(), self.clone());
        lab.executor.spawn("write", async move {
            let answer = client.try_call(write.method, write.body, write.rows.as_ref()).await;
            assert!(answer.is_err(), "nobody answers");
        });
        lab.settle().await;
        lab.reopen().await;
    }
}

/// Whether the first run happened or not, there is one effect, and the answer is that of one run.
async fn happens_once(lab: &Lab, write: Write) -> Answer {
    let torn = *lab.executor.rng().pick(&[Torn::Lost, Torn::Done]);
    write.send_and_die(lab, torn).await;
    let answer = write.again().send(lab).await.ok();
    let repeated = write.again().send(lab).await.ok();
    assert_eq!((repeated.body, repeated.batch), (answer.body.clone(), answer.batch.clone()));
    answer
}

async fn count(lab: &Lab) -> i64 {
    lab.count("book", &[]).await.ok().numbers("count(*)")[0]
}

#[test]
fn rows_are_inserted_once() {
    scenario(async |lab| {
        library(&lab, 5, "L2").await;
        lab.load("book", json!({})).await.ok();
        let answer = happens_once(&lab, Write::insert(books(11..14))).await;
        assert_eq!(answer.numbers("$key"), [11, 12, 13]);
        assert_eq!(answer.text("insert_cnt"), "3");
        assert_eq!(count(&lab).await, 18);
        lab.reopen().await;
        assert_eq!(count(&lab).await, 18);
        // The same rows in another call are other rows.
        lab.insert("book", "", &books(11..14)).await.ok();
        assert_eq!(count(&lab).await, 21);
    });
}

#[test]
fn keys_that_were_given_out_are_told_again() {
    scenario(async |lab| {
        let is_text = lab.executor.rng().one_in(2);
        let mut key = primary_key();
        key["autoID"] = json!(true);
        if is_text {
            key["data_type"] = json!(21);
            key["type_params"] = json!([{ "key": "max_length", "value": "40" }]);
        }
        let mut shelf = field("shelf", 5);
        shelf["is_partition_key"] = json!(true);
        lab.call("CreateCollection", create("book", &[key, vector_field("v", 4), shelf])).await.ok();
        lab.call("CreateIndex", index("book", "v", "L2")).await.ok();
        lab.load("book", json!({})).await.ok();
        let keyless = batch([("v", vectors((0..20).map(vector_of))), ("shelf", ints(0..20))]);
        let answer = happens_once(&lab, Write::insert(keyless)).await;
        let told =
            if is_text { answer.texts("$key") } else { answer.numbers("$key").iter().map(i64::to_string).collect() };
        let found = lab.query("book", json!({ "expr": "shelf >= 0", "output_fields": ["shelf"] })).await.ok();
        let keys = if is_text { found.texts("id") } else { found.numbers("id").iter().map(i64::to_string).collect() };
        let expected: Vec<String> = found.numbers("shelf").iter().map(|shelf| told[*shelf as usize].clone()).collect();
        assert_eq!((keys.len(), keys), (20, expected));
        // An upsert gives new keys, once.
        let old = if is_text { texts([told[0].as_str()]) } else { ints(told[0].parse()) };
        let rows = batch([("id", old), ("v", vectors([vector_of(1)])), ("shelf", ints([100]))]);
        let mut upsert = Write::new("Upsert", json!({}), Some(rows));
        upsert.body["request_id"] = json!("f".repeat(32));
        happens_once(&lab, upsert).await;
        assert_eq!(count(&lab).await, 20);
    });
}

#[test]
fn a_delete_by_filter_counts_what_its_first_run_found() {
    scenario(async |lab| {
        library(&lab, 5, "L2").await;
        lab.load("book", json!({})).await.ok();
        let delete = Write::new("Delete", json!({ "expr": "words > 20 and words < 1000" }), None);
        delete.send_and_die(&lab, Torn::Done).await;
        lab.insert("book", "", &books([7])).await.ok();
        for _ in 0..2 {
            assert_eq!(delete.again().send(&lab).await.ok().text("delete_cnt"), "3");
        }
        assert_eq!(lab.keys("book", &["_default"]).await, [1, 2, 7]);
        assert_eq!(delete.again().send(&lab).await.ok().text("delete_cnt"), "3");
        let mut other = delete;
        other.body["request_id"] = json!("ABCDEF".repeat(6)[..32]);
        assert_eq!(other.send(&lab).await.ok().text("delete_cnt"), "1");
    });
}

#[test]
fn a_write_is_known_again_after_whatever_happened_since() {
    scenario(async |lab| {
        library(&lab, 5, "L2").await;
        let insert = Write::new("Insert", json!({ "partition_name": "p1" }), Some(books(11..14)));
        insert.send_and_die(&lab, Torn::Done).await;
        let described = lab.call_on("DescribeCollection", "book", json!({})).await.ok();
        let mut repeated = insert.again();
        repeated.body["schema_timestamp"] = json!(described.text("update_timestamp"));
        let mut pages = field("pages", 5);
        pages["nullable"] = json!(true);
        lab.call_on("AddCollectionField", "book", json!({ "schema": pages })).await.ok();
        lab.flush("book").await.ok();
        lab.call_on("DropPartition", "book", json!({ "partition_name": "p1" })).await.ok();
        lab.call_on("TruncateCollection", "book", json!({})).await.ok();
        lab.reopen().await;
        let answer = repeated.send(&lab).await.ok();
        assert_eq!(answer.numbers("$key"), [11, 12, 13]);
        lab.load("book", json!({})).await.ok();
        assert_eq!(count(&lab).await, 0);
        // One that has not happened is told what is the matter now.
        let mut unknown = repeated;
        unknown.body["request_id"] = json!("0".repeat(32));
        let refused = unknown.send(&lab).await.refused(109, "collection schema mismatch");
        assert_eq!(refused.status()["error_code"], "SchemaMismatch");
    });
}

#[test]
fn a_first_run_that_comes_second_does_nothing() {
    scenario(async |lab| {
        library(&lab, 5, "L2").await;
        lab.load("book", json!({})).await.ok();
        let first = Write::insert(books(11..14));
        let second = first.again();
        let (first, second) = join(first.send(&lab), second.send(&lab)).await;
        assert_eq!(first.ok().body, second.ok().body);
        assert_eq!(count(&lab).await, 18);
    });
}

async fn remembered(lab: &Lab) -> usize {
    let keys = "request/".to_owned().."request/~".to_owned();
    lab.store.reopen().scan(Store::Log, keys, usize::MAX).await.expect("reads").len()
}

#[test]
fn what_is_remembered_of_writes_goes_with_time_and_with_the_collection() {
    scenario(async |lab| {
        library(&lab, 5, "L2").await;
        assert_eq!(remembered(&lab).await, 0);
        let insert = |first: i64| {
            let mut write = Write::insert(books([first]));
            write.body["request_id"] = json!(format!("{first:032}"));
            write
        };
        for id in 11..14 {
            insert(id).send(&lab).await.ok();
        }
        lab.flush("book").await.ok();
        assert_eq!(remembered(&lab).await, 3);
        lab.executor.shift_clock(61_000);
        insert(14).send(&lab).await.ok();
        lab.flush("book").await.ok();
        assert_eq!(remembered(&lab).await, 1);
        insert(14).again().send(&lab).await.ok();
        lab.load("book", json!({})).await.ok();
        assert_eq!(count(&lab).await, 19);
        lab.call_on("DropCollection", "book", json!({})).await.ok();
        assert_eq!(remembered(&lab).await, 0);
        insert(14).again().send(&lab).await.refused(100, "collection not found");
    });
}

#[test]
fn a_request_id_has_32_digits() {
    scenario(async |lab| {
        library(&lab, 5, "L2").await;
        for wrong in [json!("12"), json!("+".repeat(32)), json!("g".repeat(32)), json!(5)] {
            let mut write = Write::insert(books([1]));
            write.body["request_id"] = wrong;
            write.send(&lab).await.refused(1100, "malformed Insert request");
        }
        let mut none = Write::insert(books([1])).again();
        none.body["request_id"] = Value::Null;
        none.send(&lab).await.ok();
    });
}
