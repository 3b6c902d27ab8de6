//! Exports while everything else goes on: rows must be those of the time at which an export began.

use super::actors::{Ended, STEADY, Stage};
use super::model::{Key, PARTITIONS, Stamp};
use crate::support::rows::vector_of;
use serde_json::{Value, json};
use std::collections::BTreeMap;

const NODE_OFFLINE: i64 = 901;

impl Stage {
    pub async fn exporter(self, exports: u64) -> Ended {
        for _ in 0..exports {
            self.executor.sleep(self.executor.rng().below(200)).await;
            self.export_and_check().await?;
        }
        Ok(())
    }

    async fn export_and_check(&self) -> Ended {
        let partitions = self.some_partitions(STEADY);
        let names: Vec<&str> = partitions.iter().map(|it| PARTITIONS[*it]).collect();
        let request = json!({ "collection_name": "book", "format": "jsonl", "partition_names": names });
        let from = self.tick();
        let (begun, _) = self.client.try_call_for_bytes("BeginExport", request).await?;
        let to = self.tick();
        super::trace(&self.executor, || {
            format!("an export of {names:?} from {from} to {to}: {}", begun.body["status"])
        });
        let is_excused = |code| code == NODE_OFFLINE || self.is_excused_code(code);
        if !begun.is_ok() {
            assert!(is_excused(begun.code()), "an export is refused: {}", begun.body);
            return Ok(());
        }
        let mut text = Vec::new();
        let mut place = begun.body["next"].clone();
        while !place.is_null() {
            let step = json!({ "collection_name": "book", "export": begun.body["export"],
                "segment": place["segment"], "row": place["row"] });
            let (stepped, parts) = self.client.try_call_for_bytes("StepExport", step).await?;
            if !stepped.is_ok() {
                assert!(is_excused(stepped.code()), "an export breaks off: {}", stepped.body);
                return Ok(());
            }
            text.extend(parts.concat());
            // Now and then a step is asked for again.
            if !self.executor.rng().one_in(4) {
                place = stepped.body["next"].clone();
            } else {
                text.truncate(text.len() - parts[0].len());
            }
            self.executor.sleep(self.executor.rng().below(20)).await;
        }
        self.client.try_call("EndExport", json!({ "export": begun.body["export"] }), None).await?;
        if self.rules.superseded.get() {
            return Ok(());
        }
        let rows = String::from_utf8(text).expect("text");
        let rows: Vec<Value> = rows.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
        let number = |row: &Value, field: &str| row[field].as_i64().expect("a number");
        let stamps: BTreeMap<Key, Stamp> = rows.iter().map(|row| (number(row, "id"), number(row, "stamp"))).collect();
        assert_eq!(stamps.len(), rows.len(), "a key is exported twice: {rows:?}");
        assert!(rows.iter().all(|row| row["v"] == json!(vector_of(number(row, "stamp")))), "{rows:?}");
        self.model.borrow().check_exported(&partitions, from, to, &stamps);
        Ok(())
    }
}
