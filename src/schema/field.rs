use super::SKIP_LOAD;
use serde::{Deserialize, Serialize};

/// Milvus numbers user fields from 100.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct FieldId(pub i64);

/// Milvus' type numbers, for the types that elanus stores.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(into = "u32", try_from = "u32")]
pub enum DataType {
    Bool = 1,
    Int8 = 2,
    Int16 = 3,
    Int32 = 4,
    Int64 = 5,
    Float = 10,
    Double = 11,
    VarChar = 21,
    Array = 22,
    Json = 23,
    FloatVector = 101,
}

impl DataType {
    pub const ALL: [DataType; 11] = [
        DataType::Bool,
        DataType::Int8,
        DataType::Int16,
        DataType::Int32,
        DataType::Int64,
        DataType::Float,
        DataType::Double,
        DataType::VarChar,
        DataType::Array,
        DataType::Json,
        DataType::FloatVector,
    ];

    /// The name in Milvus' proto and SDKs.
    pub fn name(self) -> &'static str {
        match self {
            DataType::Bool => "Bool",
            DataType::Int8 => "Int8",
            DataType::Int16 => "Int16",
            DataType::Int32 => "Int32",
            DataType::Int64 => "Int64",
            DataType::Float => "Float",
            DataType::Double => "Double",
            DataType::VarChar => "VarChar",
            DataType::Array => "Array",
            DataType::Json => "JSON",
            DataType::FloatVector => "FloatVector",
        }
    }

    pub fn from_name(name: &str) -> Option<DataType> {
        DataType::ALL.into_iter().find(|data_type| data_type.name() == name)
    }

    pub fn is_vector(self) -> bool {
        self == DataType::FloatVector
    }

    pub fn is_integer(self) -> bool {
        matches!(self, DataType::Int8 | DataType::Int16 | DataType::Int32 | DataType::Int64)
    }

    pub fn is_floating(self) -> bool {
        matches!(self, DataType::Float | DataType::Double)
    }
}

impl From<DataType> for u32 {
    fn from(data_type: DataType) -> u32 {
        data_type as u32
    }
}

impl TryFrom<u32> for DataType {
    type Error = String;

    fn try_from(number: u32) -> Result<Self, String> {
        DataType::ALL
            .into_iter()
            .find(|data_type| *data_type as u32 == number)
            .ok_or_else(|| format!("data type {number} is not supported"))
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyValue {
    pub key: String,
    pub value: String,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum DefaultValue {
    Bool(bool),
    Int(i64),
    Float(f32),
    Double(f64),
    String(String),
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Field {
    pub id: FieldId,
    pub name: String,
    pub description: String,
    pub data_type: DataType,
    /// Type of the elements; of Array fields only.
    pub element_type: Option<DataType>,
    pub is_primary_key: bool,
    pub auto_id: bool,
    pub is_partition_key: bool,
    pub is_clustering_key: bool,
    /// The hidden field of keys that the schema does not name.
    pub is_dynamic: bool,
    pub nullable: bool,
    pub default_value: Option<DefaultValue>,
    /// Bytes; of VarChar fields and of VarChar elements.
    pub max_length: Option<u32>,
    /// Elements; of Array fields.
    pub max_capacity: Option<u32>,
    /// Of vector fields.
    pub dim: Option<u32>,
    /// As the user gave them, for describe.
    pub type_params: Vec<KeyValue>,
}

impl Field {
    /// Whether one of its parameters says that it is so.
    pub fn is_set(&self, param: &str) -> bool {
        self.type_params.iter().any(|pair| pair.key == param && pair.value.eq_ignore_ascii_case("true"))
    }

    /// Whether nulls of rows that are written become something: null, or the default.
    pub fn takes_null(&self) -> bool {
        self.nullable || self.default_value.is_some()
    }

    /// Whether rows that are written may leave it out.
    pub fn is_fillable(&self) -> bool {
        self.is_dynamic || self.takes_null()
    }

    pub fn skips_load(&self) -> bool {
        self.is_set(SKIP_LOAD)
    }
}
