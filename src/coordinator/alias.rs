use super::Coordinator;
use crate::cluster::Nodes;
use crate::error::{Error, Result};
use crate::platform::Platform;
use crate::schema::names;

impl<P: Platform, N: Nodes> Coordinator<P, N> {
    pub(super) async fn create_alias(&self, database: &str, collection: &str, alias: &str) -> Result<()> {
        names::check_alias(alias)?;
        let id = self.named(database, collection)?;
        {
            let catalog = self.catalog.borrow();
            if catalog.named(database, alias).is_some() {
                return Err(Error::AliasCollectionNameConflict { database: database.into(), alias: alias.into() });
            }
            match catalog.aliased(database, alias) {
                Some(other) if other.id != id => {
                    let found = format!("{alias} is alias to another collection: {}", other.schema.name);
                    return Err(Error::AliasAlreadyExists { database: database.into(), alias: alias.into(), found });
                }
                Some(_) => return Ok(()),
                None => {}
            }
        }
        self.change(id, |collection, _| {
            collection.aliases.insert(alias.to_owned());
            Ok(())
        })
        .await?;
        self.tell_view(id).await;
        Ok(())
    }

    /// Points an alias that exists to another collection.
    pub(super) async fn alter_alias(&self, database: &str, collection: &str, alias: &str) -> Result<()> {
        let id = self.named(database, collection)?;
        let from = {
            let catalog = self.catalog.borrow();
            let holder = catalog.aliased(database, alias);
            holder.map(|holder| holder.id).ok_or_else(|| self.alias_not_found(database, alias))?
        };
        if from == id {
            return Ok(());
        }
        {
            let _turn = self.committing.lock().await;
            let (mut old, mut new) = match (self.collection(from), self.collection(id)) {
                (Some(old), Some(new)) => (old, new),
                _ => return Err(self.alias_not_found(database, alias)),
            };
            old.aliases.remove(alias);
            new.aliases.insert(alias.to_owned());
            self.commit_collections([old, new]).await?;
        }
        self.tell_view(from).await;
        self.tell_view(id).await;
        Ok(())
    }

    /// An alias that does not exist is dropped already.
    pub(super) async fn drop_alias(&self, database: &str, alias: &str) -> Result<()> {
        let holder = self.catalog.borrow().aliased(database, alias).map(|holder| holder.id);
        let Some(id) = holder else { return Ok(()) };
        self.change(id, |collection, _| {
            collection.aliases.remove(alias);
            Ok(())
        })
        .await?;
        self.tell_view(id).await;
        Ok(())
    }

    pub(super) fn alias_not_found(&self, database: &str, alias: &str) -> Error {
        Error::AliasNotFound { database: database.to_owned(), alias: alias.to_owned() }
    }

    /// A collection by its own name: what an alias may be given to.
    fn named(&self, database: &str, collection: &str) -> Result<crate::ids::CollectionId> {
        let catalog = self.catalog.borrow();
        catalog.database(database)?;
        let found = catalog.named(database, collection).map(|collection| collection.id);
        found.ok_or_else(|| Error::CollectionNotFound { database: database.into(), collection: collection.into() })
    }
}
