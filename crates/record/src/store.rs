//! The store's handle, and how it opens.

use std::sync::Arc;

use crate::{
    Location, Owner, Settings, StoreError, database::Database, keeper::Keeper, migrate::migrate,
};

/// Durable records, their queue, and what projects consist of. Clones share one.
#[derive(Clone, Debug)]
pub struct Store(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    database: Arc<Database>,
    settings: Settings,
    keeper: Keeper,
}

impl Store {
    /// Opens the records at a place, and makes them if there are none.
    ///
    /// # Errors
    ///
    /// [`StoreError::Open`] and its like if the place cannot be used, [`StoreError::Newer`]
    /// if a later version of this program wrote there.
    pub async fn open(location: &Location) -> Result<Self, StoreError> {
        Self::open_with(location, Settings::default()).await
    }

    /// The same with other bounds.
    ///
    /// # Errors
    ///
    /// Those of [`Store::open`].
    pub async fn open_with(location: &Location, settings: Settings) -> Result<Self, StoreError> {
        let database = Arc::new(Database::open(location, &settings).await?);
        migrate(&database).await?;
        let keeper = Keeper::new(Arc::clone(&database), settings.lease);
        Ok(Self(Arc::new(Inner { database, settings, keeper })))
    }

    /// The owner of what this handle and its clones open without claiming it.
    #[must_use]
    pub fn owner(&self) -> &Owner {
        self.0.keeper.owner()
    }

    /// Gives up the owner's lease and lets go of the database. What is still open of its
    /// runs is settled as lost by the next sweep, of whichever process.
    pub async fn close(&self) {
        self.0.keeper.retire().await;
        self.0.database.close().await;
    }

    pub(crate) fn database(&self) -> &Database {
        &self.0.database
    }

    pub(crate) fn settings(&self) -> &Settings {
        &self.0.settings
    }

    pub(crate) fn keeper(&self) -> &Keeper {
        &self.0.keeper
    }
}
