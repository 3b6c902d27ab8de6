//! What exists: databases, collections with their partitions, segments, indexes, aliases and load records, and jobs of import.
//!
//! Held in memory by the coordinator; every change is one commit of the records it touches, and only a commit makes anything
//! visible.

mod collection;
mod import_job;
mod load_record;
mod write_outcome;

pub use collection::{Collection, ConsistencyLevel, IndexDefinition, Partition};
pub use import_job::{ImportJob, ImportState, SOURCES, SourceFile, source_file_prefix, source_piece, source_prefix};
pub use load_record::LoadRecord;
pub use write_outcome::{WriteOutcome, read_write_outcome};

use crate::error::{Error, Result};
use crate::ids::{CollectionId, ImportId, PartitionId, Timestamp};
use crate::json;
use crate::schema::KeyValue;
use crate::sorted::SortedMap;
use crate::storage::{Records, Store, WriteBatch};
use futures::future::try_join3;
use import_job::{IMPORTS, import_key};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::ops::Range;
use write_outcome::{all_outcomes, outcome_key, outcomes_before};

pub const DEFAULT_DATABASE: &str = "default";

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Database {
    pub name: String,
    pub id: u64,
    pub created_at: Timestamp,
    pub properties: Vec<KeyValue>,
}

#[derive(Debug, Default)]
pub struct Catalog {
    pub databases: SortedMap<String, Database>,
    pub collections: SortedMap<CollectionId, Collection>,
    /// Those under way, and for a while those that have ended.
    pub imports: SortedMap<ImportId, ImportJob>,
}

/// What the log holds of a collection; written with every record, so that nobody has to read the log to know.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct LogSummary {
    /// The last write.
    pub last: Timestamp,
    pub bytes: u64,
    pub inserted_rows: SortedMap<PartitionId, u64>,
    pub has_deletes: bool,
}

const DATABASES: &str = "database/";
const COLLECTIONS: &str = "collection/";
const LOG_SUMMARIES: &str = "summary/";

fn all_keys(prefix: &str) -> Range<String> {
    prefix.to_owned()..format!("{prefix}~")
}

fn collection_key(id: CollectionId) -> String {
    format!("{COLLECTIONS}{:016x}", id.0)
}

fn summary_key(id: CollectionId) -> String {
    format!("{LOG_SUMMARIES}{:016x}", id.0)
}

impl Catalog {
    pub async fn open(records: &impl Records) -> Result<Catalog> {
        let (databases, collections, imports) = try_join3(
            read_all::<Database>(records, Store::Catalog, all_keys(DATABASES)),
            read_all::<Collection>(records, Store::Catalog, all_keys(COLLECTIONS)),
            read_all::<ImportJob>(records, Store::Catalog, all_keys(IMPORTS)),
        )
        .await?;
        Ok(Catalog {
            imports: imports.into_iter().map(|(_, job)| (job.id, job)).collect(),
            databases: databases.into_iter().map(|(_, database)| (database.name.clone(), database)).collect(),
            collections: collections.into_iter().map(|(_, collection)| (collection.id, collection)).collect(),
        })
    }

    /// The latest of all times and ids that it holds: the clock may have been set back since.
    pub fn last_time(&self) -> Timestamp {
        let databases = self.databases.values().map(|database| database.created_at);
        let collections = self.collections.values().map(Collection::last_time);
        let imports = self.imports.values().map(ImportJob::last_time);
        databases.chain(collections).chain(imports).max().unwrap_or_default()
    }

    pub fn database(&self, name: &str) -> Result<&Database> {
        self.databases.get(name).ok_or_else(|| Error::DatabaseNotFound { database: name.to_owned() })
    }

    pub fn in_database<'a, 'd>(&'a self, database: &'d str) -> impl Iterator<Item = &'a Collection> + use<'a, 'd> {
        self.collections.values().filter(move |collection| collection.database == database)
    }

    /// By name, not by alias.
    pub fn named(&self, name: CollectionName<'_>) -> Option<&Collection> {
        self.in_database(name.database).find(|it| it.schema.name == name.collection)
    }

    pub fn aliased(&self, alias: CollectionName<'_>) -> Option<&Collection> {
        self.in_database(alias.database).find(|it| it.aliases.contains(alias.collection))
    }

    /// By name or alias.
    pub fn resolve(&self, name: CollectionName<'_>) -> Result<&Collection> {
        self.database(name.database)?;
        self.named(name).or_else(|| self.aliased(name)).ok_or_else(|| name.not_found())
    }
}

/// A collection as calls name it: by its name or an alias, in a database.
#[derive(Debug, Clone, Copy)]
pub struct CollectionName<'a> {
    pub database: &'a str,
    pub collection: &'a str,
}

impl<'a> CollectionName<'a> {
    /// An empty database is the default one.
    pub fn new(database: &'a str, collection: &'a str) -> Self {
        CollectionName { database: if database.is_empty() { DEFAULT_DATABASE } else { database }, collection }
    }

    pub fn not_found(self) -> Error {
        Error::CollectionNotFound { database: self.database.to_owned(), collection: self.collection.to_owned() }
    }
}

pub async fn read_log_summaries(records: &impl Records) -> Result<SortedMap<CollectionId, LogSummary>> {
    let summaries: Vec<(String, LogSummary)> = read_all(records, Store::Log, all_keys(LOG_SUMMARIES)).await?;
    let of_collection = |(key, summary): (String, LogSummary)| {
        let id = u64::from_str_radix(&key[LOG_SUMMARIES.len()..], 16);
        let no_id = |_| Error::Corrupt { file: format!("record {key}"), detail: "its key names no collection".into() };
        Ok((CollectionId(id.map_err(no_id)?), summary))
    };
    summaries.into_iter().map(of_collection).collect()
}

/// The changes to the catalog and log summaries that go into one commit.
pub trait CatalogBatch {
    fn put_database(&mut self, database: &Database);
    fn delete_database(&mut self, name: &str);
    fn put_collection(&mut self, collection: &Collection);
    fn delete_collection(&mut self, id: CollectionId);
    fn put_import(&mut self, job: &ImportJob);
    fn delete_import(&mut self, id: ImportId);
    fn put_log_summary(&mut self, id: CollectionId, summary: &LogSummary);
    fn put_write_outcome(&mut self, id: CollectionId, written: Timestamp, outcome: &WriteOutcome);
    fn forget_write_outcomes(&mut self, id: CollectionId, before: Timestamp);
}

impl CatalogBatch for WriteBatch {
    fn put_database(&mut self, database: &Database) {
        self.put(Store::Catalog, format!("{DATABASES}{}", database.name), to_json(database));
    }

    fn delete_database(&mut self, name: &str) {
        self.delete(Store::Catalog, format!("{DATABASES}{name}"));
    }

    fn put_collection(&mut self, collection: &Collection) {
        self.put(Store::Catalog, collection_key(collection.id), to_json(collection));
    }

    fn delete_collection(&mut self, id: CollectionId) {
        self.delete(Store::Catalog, collection_key(id));
        self.delete(Store::Log, summary_key(id));
        self.delete_range(Store::Log, crate::segment::whole_log(id));
        self.delete_range(Store::Log, all_outcomes(id));
    }

    fn put_import(&mut self, job: &ImportJob) {
        self.put(Store::Catalog, import_key(job.id), to_json(job));
    }

    fn delete_import(&mut self, id: ImportId) {
        self.delete(Store::Catalog, import_key(id));
    }

    fn put_log_summary(&mut self, id: CollectionId, summary: &LogSummary) {
        self.put(Store::Log, summary_key(id), to_json(summary));
    }

    fn put_write_outcome(&mut self, id: CollectionId, written: Timestamp, outcome: &WriteOutcome) {
        self.put(Store::Log, outcome_key(id, written), to_json(outcome));
    }

    fn forget_write_outcomes(&mut self, id: CollectionId, before: Timestamp) {
        self.delete_range(Store::Log, outcomes_before(id, before));
    }
}

fn to_json(value: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec(value).expect("catalog records are plain data with string keys")
}

async fn read_all<T: DeserializeOwned>(
    records: &impl Records,
    store: Store,
    keys: Range<String>,
) -> Result<Vec<(String, T)>> {
    let found = records.scan(store, keys, usize::MAX).await?;
    let parse = |(key, value): (String, Vec<u8>)| match json::read(&value) {
        Ok(record) => Ok((key, record)),
        Err(error) => Err(Error::Corrupt { file: format!("record {key}"), detail: error.to_string() }),
    };
    found.into_iter().map(parse).collect()
}
