use super::Coordinator;
use crate::catalog::Collection;
use crate::cluster::Nodes;
use crate::error::{Error, Result};
use crate::platform::Platform;
use crate::schema::names;

// Who has a name is looked at in the turn in which that changes.
impl<P: Platform, N: Nodes> Coordinator<P, N> {
    pub(super) async fn create_alias(&self, database: &str, collection: &str, alias: &str) -> Result<()> {
        names::check_alias(alias)?;
        names::check_collection(collection)?;
        let turn = self.committing.lock().await;
        let other = self.holder_of(database, alias)?;
        let mut holder = self.named(database, collection)?;
        if let Some(other) = other.filter(|other| other.id != holder.id) {
            let found = format!("{alias} is alias to another collection: {}", other.schema.name);
            return Err(Error::AliasAlreadyExists { database: database.into(), alias: alias.into(), found });
        }
        if !holder.aliases.insert(alias.to_owned()) {
            return Ok(());
        }
        let id = holder.id;
        self.commit_collections([holder]).await?;
        drop(turn);
        self.tell_view(id).await;
        Ok(())
    }

    /// Points an alias that exists to another collection.
    pub(super) async fn alter_alias(&self, database: &str, collection: &str, alias: &str) -> Result<()> {
        names::check_alias(alias)?;
        names::check_collection(collection)?;
        let turn = self.committing.lock().await;
        let old = self.holder_of(database, alias)?;
        let mut new = self.named(database, collection)?;
        let mut old = old.ok_or_else(|| self.alias_not_found(database, alias))?;
        if old.id == new.id {
            return Ok(());
        }
        old.aliases.remove(alias);
        new.aliases.insert(alias.to_owned());
        let changed = [old.id, new.id];
        self.commit_collections([old, new]).await?;
        drop(turn);
        for id in changed {
            self.tell_view(id).await;
        }
        Ok(())
    }

    /// An alias that does not exist is dropped already.
    pub(super) async fn drop_alias(&self, database: &str, alias: &str) -> Result<()> {
        names::check_alias(alias)?;
        let turn = self.committing.lock().await;
        self.catalog.borrow().database(database)?;
        let holder = self.catalog.borrow().aliased(database, alias).cloned();
        let Some(mut holder) = holder else { return Ok(()) };
        holder.aliases.remove(alias);
        let id = holder.id;
        self.commit_collections([holder]).await?;
        drop(turn);
        self.tell_view(id).await;
        Ok(())
    }

    pub(super) fn alias_not_found(&self, database: &str, alias: &str) -> Error {
        Error::AliasNotFound { database: database.to_owned(), alias: alias.to_owned() }
    }

    /// The collection that has the alias, if there is one; no collection may have it as its name.
    fn holder_of(&self, database: &str, alias: &str) -> Result<Option<Collection>> {
        let catalog = self.catalog.borrow();
        if catalog.named(database, alias).is_some() {
            return Err(Error::AliasCollectionNameConflict { database: database.into(), alias: alias.into() });
        }
        Ok(catalog.aliased(database, alias).cloned())
    }

    /// A collection by its own name: what an alias may be given to.
    fn named(&self, database: &str, collection: &str) -> Result<Collection> {
        let catalog = self.catalog.borrow();
        catalog.database(database)?;
        let found = catalog.named(database, collection).cloned();
        found.ok_or_else(|| Error::CollectionNotFound { database: database.into(), collection: collection.into() })
    }
}
