//! Fields and indexes that change after their creation. No change touches what is stored.

use super::Coordinator;
use super::properties::check_property;
use crate::catalog::CollectionName;
use crate::cluster::Nodes;
use crate::error::{Error, Result};
use crate::index::{INDEX_PROPERTIES, remove_nested};
use crate::platform::Platform;
use crate::schema::{CollectionSchema, FieldId, KeyValue, MMAP_ENABLED, merge_properties};
use serde_json::Value;

impl<P: Platform, N: Nodes> Coordinator<P, N> {
    pub(super) async fn add_field(&self, name: CollectionName<'_>, proto: &Value) -> Result<()> {
        self.extend_schema(name, |schema| schema.add_field(proto)).await
    }

    pub(super) async fn add_dynamic_field(&self, name: CollectionName<'_>) -> Result<()> {
        self.extend_schema(name, CollectionSchema::add_dynamic_field).await
    }

    /// Adds a field. Where all fields are loaded, it can be used when this comes back; the dynamic field also where some are, as
    /// loading these brings it, too.
    async fn extend_schema(
        &self,
        name: CollectionName<'_>,
        add: impl FnOnce(&mut CollectionSchema) -> Result<FieldId>,
    ) -> Result<()> {
        let id = self.resolve(name)?.id;
        let runtime = self.runtime(id);
        // What is being loaded or sealed goes on with the fields that it began with: it must have ended.
        let _moving = runtime.moving.lock().await;
        let told = {
            // The nodes hear of the field before they get the first row that has it.
            let _turn = runtime.writing.lock().await;
            let changed_at = self.tick();
            self.change(id, |collection, _| {
                let added = add(&mut collection.schema)?;
                collection.updated_at = changed_at;
                let is_dynamic = collection.schema.dynamic_field().is_some_and(|field| field.id == added);
                let by_default = collection.schema.field_by_id(added).is_some_and(|field| !field.skips_load());
                if let Some(load) =
                    collection.load.as_mut().filter(|load| is_dynamic || by_default && !load.listed_fields)
                {
                    load.fields.insert(added);
                }
                Ok(())
            })
            .await?;
            self.tell_view(id)
        };
        told.await;
        Ok(())
    }

    pub(super) async fn alter_index(
        &self,
        name: CollectionName<'_>,
        index_name: &str,
        set: Vec<KeyValue>,
        delete: &[String],
    ) -> Result<()> {
        if index_name.is_empty() {
            return Err(Error::invalid("index name is empty"));
        }
        if !set.is_empty() && !delete.is_empty() {
            return Err(Error::invalid("cannot provide both DeleteKeys and ExtraParams"));
        }
        let id = self.resolve(name)?.id;
        let mut keys = set.iter().map(|property| &property.key).chain(delete);
        if let Some(key) = keys.find(|key| !INDEX_PROPERTIES.contains(&key.as_str())) {
            return Err(Error::invalid(format!("{key} is not a configable index proptery")));
        }
        set.iter().try_for_each(check_property)?;
        self.change(id, |collection, _| {
            if collection.load.is_some() {
                let text = "can't alter index on loaded collection, please release the collection first".to_owned();
                return Err(Error::CollectionLoaded { text, collection: collection.schema.name.clone() });
            }
            let index = collection.indexes.iter_mut().find(|index| index.name == index_name);
            let index =
                index.ok_or_else(|| Error::IndexNotFound { key: "indexName".into(), value: index_name.to_owned() })?;
            // They may have been given within `params`.
            let altered = set.iter().map(|property| &property.key).chain(delete);
            altered.for_each(|key| remove_nested(&mut index.params, key));
            merge_properties(&mut index.params, set, delete);
            Ok(())
        })
        .await
    }

    pub(super) async fn alter_field(
        &self,
        name: CollectionName<'_>,
        field_name: &str,
        set: Vec<KeyValue>,
        delete: &[String],
    ) -> Result<()> {
        let id = self.resolve(name)?.id;
        let changed_at = self.tick();
        self.change(id, |collection, _| {
            let is_mmap = set.iter().map(|property| &property.key).chain(delete).any(|key| key == MMAP_ENABLED);
            if is_mmap && collection.load.is_some() {
                let text = "can not alter collection field properties if collection loaded".to_owned();
                return Err(Error::CollectionLoaded { text, collection: collection.schema.name.clone() });
            }
            collection.schema.alter_field(field_name, set, delete)?;
            collection.updated_at = changed_at;
            Ok(())
        })
        .await
    }
}
