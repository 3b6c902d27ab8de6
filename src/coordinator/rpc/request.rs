//! What callers send: Milvus' requests as JSON.

use crate::catalog::{CollectionName, DEFAULT_DATABASE};
use crate::coordinator::collection::NewCollection;
use crate::coordinator::export::{NewExport, StepRequest};
use crate::coordinator::import::{NewImport, Piece};
use crate::coordinator::index::IndexChoice;
use crate::coordinator::insert::Insert;
use crate::coordinator::load_request::LoadRequest;
use crate::coordinator::properties::{check_properties, consistency_level};
use crate::coordinator::repeat::WriteRequest;
use crate::coordinator::write::{Delete, Target};
use crate::error::{Error, Result};
use crate::ids::{CollectionId, ExportId, ImportId, RequestId, Timestamp};
use crate::request::{key_values, key_values_if_list, or_default, text, texts_if_list};
use crate::schema::{CollectionSchema, KeyValue, names};
use crate::sorted::SortedMap;
use crate::storage::{Durability, Handed};
use crate::value::{Batch, WriteMode};
use serde::Deserialize;
use serde_json::{Value, json};

/// Requests share most of their keys; each call reads those that it knows.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Request {
    #[serde(deserialize_with = "or_default")]
    pub db_name: String,
    #[serde(deserialize_with = "or_default")]
    pub collection_name: String,
    #[serde(deserialize_with = "text")]
    pub partition_name: String,
    #[serde(deserialize_with = "texts_if_list")]
    pub partition_names: Vec<String>,
    #[serde(deserialize_with = "texts_if_list")]
    pub collection_names: Vec<String>,
    #[serde(deserialize_with = "text")]
    pub alias: String,
    #[serde(deserialize_with = "text")]
    pub field_name: String,
    #[serde(deserialize_with = "text")]
    pub index_name: String,
    #[serde(deserialize_with = "key_values_if_list")]
    pub extra_params: Vec<KeyValue>,
    #[serde(deserialize_with = "key_values_if_list")]
    pub properties: Vec<KeyValue>,
    #[serde(deserialize_with = "or_default")]
    pub delete_keys: Vec<String>,
    pub schema: Value,
    pub consistency_level: Value,
    pub shards_num: Value,
    pub num_partitions: Option<Value>,
    #[serde(rename = "type")]
    pub kind: Option<Value>,
    #[serde(deserialize_with = "or_default")]
    pub load_fields: Vec<String>,
    #[serde(deserialize_with = "or_default")]
    pub skip_load_dynamic_field: bool,
    #[serde(deserialize_with = "or_default")]
    pub refresh: bool,
    pub replica_number: Value,
    #[serde(deserialize_with = "or_default")]
    pub resource_groups: Vec<String>,
    /// Of a load that is waited for, or to be cancelled.
    #[serde(deserialize_with = "or_default")]
    pub ticket: String,
    /// How long to wait for the end of a load before its progress is told.
    pub wait_ms: Option<u32>,
    #[serde(rename = "oldName", deserialize_with = "or_default")]
    pub old_name: String,
    #[serde(rename = "newName", deserialize_with = "or_default")]
    pub new_name: String,
    #[serde(rename = "newDBName", deserialize_with = "or_default")]
    pub new_database: String,
    #[serde(deserialize_with = "or_default")]
    pub expr: String,
    #[serde(deserialize_with = "or_default")]
    pub expr_template_values: SortedMap<String, Value>,
    pub schema_timestamp: Option<Value>,
    pub request_id: Option<RequestId>,
    /// Whether it is not known what became of the same request before.
    #[serde(deserialize_with = "or_default")]
    pub repeated: bool,
    /// Whether a write is to survive power loss when it is answered.
    #[serde(deserialize_with = "or_default")]
    pub strict: bool,
    #[serde(deserialize_with = "or_default")]
    pub partial_update: bool,
    /// Of an import: their names, and where they can be fetched again.
    #[serde(deserialize_with = "or_default")]
    pub files: Vec<String>,
    #[serde(deserialize_with = "or_default")]
    pub urls: Vec<Option<String>>,
    #[serde(deserialize_with = "key_values")]
    pub options: Vec<KeyValue>,
    /// The import that a call is about.
    pub task: Value,
    /// A piece of an import's source: of which file, fetched at which attempt, its number, and of how many.
    pub file: usize,
    pub attempt: u32,
    pub piece: u32,
    pub pieces: Option<u32>,
    pub expected_bytes: Option<u64>,
    /// Its bytes.
    pub handed: Option<Handed>,
    /// Why an import is cancelled.
    #[serde(deserialize_with = "or_default")]
    pub reason: String,
    pub limit: Value,
    #[serde(deserialize_with = "or_default")]
    pub output_fields: Vec<String>,
    #[serde(deserialize_with = "or_default")]
    pub format: String,
    /// The export that a call is about, and where in it the next step begins.
    pub export: Value,
    pub segment: usize,
    pub row: u32,
}

impl Request {
    pub fn load_ticket(&self) -> Result<u64> {
        self.ticket.parse().map_err(|_| Error::invalid("the ticket of a load is a number"))
    }

    pub fn database(&self) -> &str {
        self.collection().database
    }

    pub fn collection(&self) -> CollectionName<'_> {
        CollectionName::new(&self.db_name, &self.collection_name)
    }

    pub fn alias(&self) -> CollectionName<'_> {
        CollectionName::new(&self.db_name, &self.alias)
    }

    pub fn target(&self) -> Target<'_> {
        Target { collection: self.collection(), partition: &self.partition_name }
    }

    fn write(&self) -> WriteRequest {
        let durability = if self.strict { Durability::Strict } else { Durability::Relaxed };
        WriteRequest { id: self.request_id, repeated: self.repeated, durability }
    }

    pub fn insert(&self, rows: Batch, mode: WriteMode) -> Insert {
        let packed_for = match &self.schema_timestamp {
            Some(Value::String(text)) => text.parse().ok(),
            Some(Value::Number(number)) => number.as_u64(),
            _ => None,
        };
        let packed_for = packed_for.filter(|at| *at != 0).map(Timestamp);
        Insert { rows, mode, packed_for, request: self.write() }
    }

    pub fn delete(&self) -> Delete<'_> {
        Delete { expr: &self.expr, templates: &self.expr_template_values, request: self.write() }
    }

    pub fn import(&self) -> NewImport<'_> {
        NewImport {
            target: self.target(),
            files: &self.files,
            urls: &self.urls,
            options: &self.options,
            request: self.request_id,
        }
    }

    pub fn import_task(&self) -> Result<ImportId> {
        let text = || self.task.to_string().trim_matches('"').to_owned();
        // A number that is missing is 0 in the proto.
        let id = if self.task.is_null() { Some(0) } else { number(&self.task) };
        let id = id.and_then(|id| u64::try_from(id).ok());
        id.map(ImportId).ok_or_else(|| Error::invalid(format!("parse job id failed: {}", text())))
    }

    pub fn import_piece(&self) -> Result<Piece> {
        Ok(Piece {
            job: self.import_task()?,
            file: self.file,
            attempt: self.attempt,
            number: self.piece,
            of: self.pieces,
            expected_bytes: self.expected_bytes,
            handed: self.handed.ok_or_else(|| Error::invalid("a piece of an import is without its bytes"))?,
        })
    }

    pub fn new_export(&self) -> NewExport<'_> {
        NewExport {
            collection: self.collection(),
            partitions: &self.partition_names,
            format: &self.format,
            expr: &self.expr,
            templates: &self.expr_template_values,
            output_fields: &self.output_fields,
        }
    }

    pub fn export_id(&self) -> Result<ExportId> {
        let id = number(&self.export).and_then(|id| u64::try_from(id).ok());
        id.map(ExportId).ok_or_else(|| Error::invalid(format!("{} is no export", self.export)))
    }

    pub fn export_step(&self) -> Result<StepRequest<'_>> {
        let (export, collection) = (self.export_id()?, self.collection());
        Ok(StepRequest { export, collection, segment: self.segment, row: self.row })
    }

    /// 0: none.
    pub fn limit(&self) -> usize {
        number(&self.limit).and_then(|limit| usize::try_from(limit).ok()).unwrap_or(0)
    }

    pub fn index(&self) -> IndexChoice<'_> {
        IndexChoice { index_name: &self.index_name, field_name: &self.field_name }
    }

    /// Whether a list is to be of what is loaded only.
    pub fn wants_loaded(&self) -> bool {
        let loaded = [json!(1), json!("Loaded"), json!("InMemory")];
        self.kind.as_ref().is_some_and(|kind| loaded.contains(kind))
    }

    pub fn load<'a>(&'a self, partitions: Option<&'a [String]>) -> LoadRequest<'a> {
        LoadRequest {
            collection: self.collection(),
            partitions,
            fields: &self.load_fields,
            skip_dynamic_field: self.skip_load_dynamic_field,
            replica_number: number(&self.replica_number).unwrap_or(1),
            resource_groups: &self.resource_groups,
        }
    }
}

fn number(value: &Value) -> Option<i64> {
    value.as_i64().or_else(|| value.as_str()?.parse().ok())
}

#[derive(Deserialize)]
pub(super) struct BatchDescribe {
    #[serde(default, deserialize_with = "or_default")]
    db_name: String,
    #[serde(default, deserialize_with = "or_default")]
    pub collection_name: Vec<String>,
    #[serde(default, rename = "collectionID", deserialize_with = "or_default")]
    ids: Vec<Value>,
}

impl BatchDescribe {
    pub fn database(&self) -> &str {
        if self.db_name.is_empty() { DEFAULT_DATABASE } else { &self.db_name }
    }

    pub fn ids(&self) -> impl Iterator<Item = Result<CollectionId>> {
        self.ids.iter().map(collection_id)
    }
}

fn collection_id(value: &Value) -> Result<CollectionId> {
    let number = value.as_u64().or_else(|| value.as_str()?.parse().ok());
    number.map(CollectionId).ok_or_else(|| Error::invalid(format!("{value} is no collection's id")))
}

/// Replicas are asked for by the number of their collection.
#[derive(Deserialize)]
pub(super) struct ReplicasRequest {
    #[serde(rename = "collectionID")]
    id: Value,
}

impl ReplicasRequest {
    pub fn collection(&self) -> Result<CollectionId> {
        collection_id(&self.id)
    }
}

#[derive(Deserialize)]
pub(super) struct SegmentInfoRequest {
    #[serde(rename = "collectionName")]
    pub collection_name: String,
}

pub(super) fn new_collection(request: &Request) -> Result<NewCollection> {
    names::check_collection(&request.collection_name)?;
    let mut schema = CollectionSchema::from_proto(&request.collection_name, &request.schema)?;
    check_properties(&schema, &request.properties)?;
    schema.properties = request.properties.clone();
    let num_partitions = match &request.num_partitions {
        None | Some(Value::Null) => 0,
        Some(value) => number(value)
            .ok_or_else(|| Error::invalid(format!("num_partitions {value} is not a number of partitions")))?,
    };
    Ok(NewCollection {
        database: request.database().to_owned(),
        schema,
        shards_num: number(&request.shards_num).unwrap_or(0),
        consistency_level: consistency_level(&request.consistency_level)?,
        num_partitions,
    })
}
