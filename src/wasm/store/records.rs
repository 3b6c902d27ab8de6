//! `Records`: a record is a value under its key in the object store of its name.

use super::connection::{CATALOG, LOG, WriteTransaction, buffer_of, key_range};
use super::value::{value_of, whole_values};
use super::{BrowserStore, error, run};
use crate::error::{Error, Result};
use crate::storage::{Durability, Epoch, HEAD_KEY, Head, Records, Store, WriteBatch};
use futures::future::{join, join_all};
use std::ops::Range;
use wasm_bindgen::JsValue;

fn name_of(store: Store) -> &'static str {
    match store {
        Store::Catalog => CATALOG,
        Store::Log => LOG,
    }
}

async fn head(transaction: &WriteTransaction) -> Result<Head> {
    Head::parse(transaction.get(CATALOG, HEAD_KEY).await?.as_deref())
}

/// Reading the head first, in the transaction that writes, is what makes the fence hold: an owner that was stopped for a
/// while and goes on may be in the middle of anything.
async fn apply(transaction: &WriteTransaction, batch: &WriteBatch) -> Result<()> {
    head(transaction).await?.admit(batch)?;
    for (store, keys) in &batch.range_deletes {
        transaction.delete_range(name_of(*store), keys)?;
    }
    for (store, key) in &batch.deletes {
        transaction.delete(name_of(*store), key)?;
    }
    for (store, key, value) in &batch.puts {
        transaction.put(name_of(*store), key, &value_of(&[value], 0..value.len())?)?;
    }
    Ok(())
}

fn touches_log(batch: &WriteBatch) -> bool {
    let puts = batch.puts.iter().map(|(store, ..)| store);
    let deletes = batch.deletes.iter().map(|(store, _)| store);
    let ranges = batch.range_deletes.iter().map(|(store, _)| store);
    puts.chain(deletes).chain(ranges).any(|store| *store == Store::Log)
}

impl Records for BrowserStore {
    async fn take_over(&self) -> Result<Epoch> {
        let connection = self.connection.clone();
        run(async move {
            let raise = async |transaction: &WriteTransaction| {
                let raised = head(transaction).await?.raised();
                transaction.put(CATALOG, HEAD_KEY, &buffer_of(&raised.to_bytes()))?;
                Ok(raised.epoch())
            };
            connection.write(&[], Durability::Strict, raise).await
        })
        .await
    }

    async fn get_many(&self, store: Store, keys: &[String]) -> Result<Vec<Option<Vec<u8>>>> {
        let (connection, reader) = (self.connection.clone(), self.reader.clone());
        let keys: Vec<JsValue> = keys.iter().map(|key| key.as_str().into()).collect();
        run(async move {
            let records = connection.read(name_of(store))?;
            let values = join_all(keys.into_iter().map(|key| records.get(key))).await;
            let values = values.into_iter().map(|value| value.map(Option::unwrap_or_default));
            whole_values(values.collect::<Result<_, _>>().map_err(error::of_rexie)?, reader.as_deref()).await
        })
        .await
    }

    async fn scan(&self, store: Store, keys: Range<String>, limit: usize) -> Result<Vec<(String, Vec<u8>)>> {
        // To IndexedDB, a limit of 0 is no limit.
        if keys.is_empty() || limit == 0 {
            return Ok(Vec::new());
        }
        let limit = u32::try_from(limit).ok();
        let (connection, reader) = (self.connection.clone(), self.reader.clone());
        run(async move {
            let records = connection.read(name_of(store))?;
            // Two requests of one transaction answer from one moment; a cursor would cost a turn of the event loop a record.
            let found_keys = records.get_all_keys(Some(key_range(&keys)?), limit);
            let found_values = records.get_all(Some(key_range(&keys)?), limit);
            let (found_keys, found_values) = join(found_keys, found_values).await;
            let values = whole_values(found_values.map_err(error::of_rexie)?, reader.as_deref()).await?;
            let pairs = found_keys.map_err(error::of_rexie)?.into_iter().zip(values);
            pairs
                .map(|(key, value)| Some((key.as_string()?, value?)))
                .collect::<Option<_>>()
                .ok_or_else(|| Error::Unexpected(format!("{} holds what is no record", name_of(store))))
        })
        .await
    }

    async fn commit(&self, batch: WriteBatch) -> Result<()> {
        batch.check()?;
        let connection = self.connection.clone();
        run(async move {
            // Who reads the log waits for a transaction that has it in its scope.
            let others: &[&str] = if touches_log(&batch) { &[LOG] } else { &[] };
            let apply = async |transaction: &WriteTransaction| apply(transaction, &batch).await;
            connection.write(others, batch.durability, apply).await
        })
        .await
    }
}
