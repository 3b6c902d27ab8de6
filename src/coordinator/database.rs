use super::Coordinator;
use super::properties::check_property;
use crate::catalog::{CatalogBatch, DEFAULT_DATABASE, Database};
use crate::cluster::Nodes;
use crate::error::{Error, Result};
use crate::platform::Platform;
use crate::schema::{KeyValue, merge_properties, names};

/// Milvus' default for `maxDatabaseNum`.
const MAX_DATABASES: usize = 64;

impl<P: Platform, N: Nodes> Coordinator<P, N> {
    pub(super) async fn create_database(&self, name: &str, properties: Vec<KeyValue>) -> Result<()> {
        names::check_database(name)?;
        properties.iter().try_for_each(check_property)?;
        let _turn = self.committing.lock().await;
        {
            let catalog = self.catalog.borrow();
            if catalog.databases.contains_key(name) {
                return Err(Error::Unexpected(format!("database already exist: {name}")));
            }
            if catalog.databases.len() >= MAX_DATABASES {
                return Err(Error::TooManyDatabases { limit: MAX_DATABASES });
            }
        }
        let created_at = self.tick();
        let database = Database { name: name.to_owned(), id: created_at.0, created_at, properties };
        self.put_database(database).await
    }

    pub(super) async fn put_database(&self, database: Database) -> Result<()> {
        let mut batch = self.catalog_batch();
        batch.put_database(&database);
        self.commit(batch).await?;
        self.catalog.borrow_mut().databases.insert(database.name.clone(), database);
        Ok(())
    }

    /// A database that does not exist is dropped already.
    pub(super) async fn drop_database(&self, name: &str) -> Result<()> {
        names::check_database(name)?;
        if name == DEFAULT_DATABASE {
            return Err(Error::Unexpected("can not drop default database".into()));
        }
        let _turn = self.committing.lock().await;
        {
            let catalog = self.catalog.borrow();
            if !catalog.databases.contains_key(name) {
                return Ok(());
            }
            if catalog.in_database(name).next().is_some() {
                return Err(Error::Unexpected(format!(
                    "database:{name} not empty, must drop all collections before drop database"
                )));
            }
        }
        let mut batch = self.catalog_batch();
        batch.delete_database(name);
        self.commit(batch).await?;
        self.catalog.borrow_mut().databases.remove(name);
        Ok(())
    }

    pub(super) async fn alter_database(&self, name: &str, set: Vec<KeyValue>, delete: &[String]) -> Result<()> {
        if set.is_empty() && delete.is_empty() {
            let text = "alter database requires either properties or deletekeys to modify or delete keys, both cannot be empty";
            return Err(Error::Unexpected(text.into()));
        }
        set.iter().try_for_each(check_property)?;
        let _turn = self.committing.lock().await;
        let mut database = self.catalog.borrow().database(name)?.clone();
        merge_properties(&mut database.properties, set, delete);
        self.put_database(database).await
    }
}
