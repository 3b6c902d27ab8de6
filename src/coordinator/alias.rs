use super::Coordinator;
use crate::catalog::{Collection, CollectionName};
use crate::cluster::Nodes;
use crate::error::{Error, Result};
use crate::platform::Platform;
use crate::schema::names;

// Who has a name is looked at in the turn in which that changes.
impl<P: Platform, N: Nodes> Coordinator<P, N> {
    pub(super) async fn create_alias(&self, name: CollectionName<'_>, alias: &str) -> Result<()> {
        names::check_alias(alias)?;
        names::check_collection(name.collection)?;
        let alias_name = CollectionName { collection: alias, ..name };
        let turn = self.committing.lock().await;
        let other = self.holder_of(alias_name)?;
        let mut holder = self.named(name)?;
        if let Some(other) = other.filter(|other| other.id != holder.id) {
            let found = format!("{alias} is alias to another collection: {}", other.schema.name);
            return Err(Error::AliasAlreadyExists { database: name.database.into(), alias: alias.into(), found });
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
    pub(super) async fn alter_alias(&self, name: CollectionName<'_>, alias: &str) -> Result<()> {
        names::check_alias(alias)?;
        names::check_collection(name.collection)?;
        let alias_name = CollectionName { collection: alias, ..name };
        let turn = self.committing.lock().await;
        let old = self.holder_of(alias_name)?;
        let mut new = self.named(name)?;
        let mut old = old.ok_or_else(|| alias_not_found(alias_name))?;
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
    pub(super) async fn drop_alias(&self, name: CollectionName<'_>) -> Result<()> {
        let CollectionName { database, collection: alias } = name;
        names::check_alias(alias)?;
        let turn = self.committing.lock().await;
        self.catalog.borrow().database(database)?;
        let holder = self.catalog.borrow().aliased(name).cloned();
        let Some(mut holder) = holder else { return Ok(()) };
        holder.aliases.remove(alias);
        let id = holder.id;
        self.commit_collections([holder]).await?;
        drop(turn);
        self.tell_view(id).await;
        Ok(())
    }

    /// The collection that has the alias, if there is one; no collection may have it as its name.
    fn holder_of(&self, alias: CollectionName<'_>) -> Result<Option<Collection>> {
        let catalog = self.catalog.borrow();
        if catalog.named(alias).is_some() {
            let (database, alias) = (alias.database.into(), alias.collection.into());
            return Err(Error::AliasCollectionNameConflict { database, alias });
        }
        Ok(catalog.aliased(alias).cloned())
    }

    /// A collection by its own name: what an alias may be given to.
    fn named(&self, name: CollectionName<'_>) -> Result<Collection> {
        let catalog = self.catalog.borrow();
        catalog.database(name.database)?;
        catalog.named(name).cloned().ok_or_else(|| name.not_found())
    }
}

pub(super) fn alias_not_found(alias: CollectionName<'_>) -> Error {
    Error::AliasNotFound { database: alias.database.to_owned(), alias: alias.collection.to_owned() }
}
