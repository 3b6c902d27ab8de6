use super::measure::Measures;
use super::numpy::NumpyColumn;
use super::{ExportFormat, csv, numpy, packed};
use crate::error::{Error, Result};
use crate::schema::{Field, KeyValue};
use serde::{Deserialize, Serialize};

/// How the rows of one export are written.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Layout {
    JsonLines,
    Csv {
        null_key: String,
    },
    /// A file for each column.
    Numpy {
        columns: Vec<NumpyColumn>,
    },
    Packed,
}

/// What an export begins with.
pub struct Beginning {
    pub layout: Layout,
    /// Those that get into files.
    pub fields: Vec<Field>,
    pub files: Vec<FileBeginning>,
    /// That an import of the files needs.
    pub options: Vec<KeyValue>,
}

pub struct FileBeginning {
    pub name: String,
    pub head: Vec<u8>,
}

impl ExportFormat {
    /// How rows are written that were measured like this.
    pub fn begin(self, collection: &str, mut fields: Vec<Field>, measures: &Measures) -> Result<Beginning> {
        let whole = |head: Vec<u8>| vec![FileBeginning { name: format!("{collection}.{}", self.ending()), head }];
        let mut options = Vec::new();
        let (layout, files) = match self {
            ExportFormat::JsonLines => (Layout::JsonLines, whole(Vec::new())),
            ExportFormat::Csv => {
                let null_key = measures.null_key();
                let option = |key: &str, value: &str| KeyValue { key: key.to_owned(), value: value.to_owned() };
                options = vec![option("sep", ","), option("nullkey", &null_key)];
                (Layout::Csv { null_key }, whole(csv::header(&fields)))
            }
            ExportFormat::Numpy => {
                // An import fills the column that no file is there for with nulls.
                fields.retain(|field| measures.rows == 0 || measures.of(field).nulls < measures.rows);
                let columns = numpy::columns(&fields, measures)?;
                let files = fields.iter().zip(&columns).map(|(field, column)| FileBeginning {
                    name: format!("{}.{}", field.name, self.ending()),
                    head: column.header(measures.rows),
                });
                let files = files.collect();
                (Layout::Numpy { columns }, files)
            }
            ExportFormat::Parquet => (Layout::Packed, whole(packed::empty(&fields))),
        };
        if fields.is_empty() {
            return Err(Error::invalid("no field to export"));
        }
        Ok(Beginning { layout, fields, files, options })
    }
}

impl Layout {
    /// How many files there are.
    pub fn files(&self) -> usize {
        match self {
            Layout::Numpy { columns } => columns.len(),
            _ => 1,
        }
    }
}
