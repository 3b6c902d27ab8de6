//! The filter language: text becomes a plan bound to a schema, and a plan becomes one bit a row.
//!
//! `lexer` cuts the text, `parser` applies the precedences of Milvus' grammar and calls `bind`, which resolves names,
//! checks types and refuses with Milvus' texts; `eval` runs the `plan` over columns. Nothing here knows segments or storage.

mod bind;
mod eval;
pub mod json;
mod lexer;
mod like;
mod literal;
mod parser;
mod plan;
mod sets;
mod value;

pub use bind::split_path;
pub use value::Number;

use crate::error::{Error, Result};
use crate::schema::{CollectionSchema, FieldId};
use crate::sorted::{SortedMap, SortedSet};
use crate::value::{Column, Mask, PrimaryKeys};

/// Bytes of a filter's text.
const MAX_TEXT: usize = 16 << 20;

/// Columns of some rows, as a segment has them.
pub trait Rows {
    fn row_count(&self) -> usize;
    fn column(&self, field: FieldId) -> Option<&Column>;
    /// The field by which rows ascend.
    fn sorted_by(&self) -> Option<FieldId> {
        None
    }
}

/// A filter bound to a schema; cheap to evaluate on many segments.
#[derive(Debug, Clone)]
pub struct Filter {
    /// `None` is true for every row.
    plan: Option<plan::Plan>,
    fields: SortedSet<FieldId>,
    primary_keys: Option<PrimaryKeys>,
}

impl Filter {
    /// `templates` are `TemplateValue`s of Milvus' protocol, as JSON, by name. `loaded` are the only fields that may be
    /// used; without it all may be.
    pub fn parse(
        text: &str,
        templates: &SortedMap<String, serde_json::Value>,
        schema: &CollectionSchema,
        loaded: Option<&SortedSet<FieldId>>,
    ) -> Result<Filter> {
        if text.trim().is_empty() {
            return Ok(Filter { plan: None, fields: SortedSet::new(), primary_keys: None });
        }
        if text.len() > MAX_TEXT {
            let detail = format!("it has {} bytes, the limit is {MAX_TEXT}", text.len());
            return Err(Error::QueryPlan(cannot_parse(text, &detail)));
        }
        let mut binder = bind::Binder::new(text, templates, schema, loaded);
        let root = parser::parse(text, &mut binder).map_err(|detail| Error::QueryPlan(cannot_parse(text, &detail)))?;
        let bound = binder.finish(root)?;
        Ok(Filter { plan: Some(bound.plan), fields: bound.fields, primary_keys: bound.primary_keys })
    }

    /// Rows for which the filter is true: not false, and not unknown.
    pub fn evaluate(&self, rows: &dyn Rows) -> Result<Mask> {
        match &self.plan {
            Some(plan) => eval::evaluate(plan, rows),
            None => {
                let mut mask = Mask::with_capacity(rows.row_count());
                mask.insert_range(..);
                Ok(mask)
            }
        }
    }

    /// `Some` when the filter is exactly `pk == x` or `pk in [..]`: a delete that needs no loaded data.
    pub fn primary_keys(&self) -> Option<PrimaryKeys> {
        self.primary_keys.clone()
    }

    /// The fields it reads.
    pub fn fields(&self) -> &SortedSet<FieldId> {
        &self.fields
    }
}

fn cannot_parse(text: &str, detail: &str) -> String {
    format!("cannot parse expression: {}, error: {detail}", value::brief(text))
}
