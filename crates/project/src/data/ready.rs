//! The files of a snapshot, as a directory that sandboxes can be shown.

use std::{
    fs::{self, File},
    io::Write,
    os::unix::fs::PermissionsExt,
    path::{Component, Path, PathBuf},
};

use api::{ProjectId, SnapshotFile};
use futures_util::StreamExt;
use record::{Blobs, Store};

use crate::{
    ProjectError,
    cache::{Cache, Kept},
    checkout::{blocking, key},
};

/// Makes snapshots ready.
#[derive(Clone)]
pub(crate) struct Snapshots {
    store: Store,
    blobs: Blobs,
    cache: Cache,
}

impl Snapshots {
    pub(crate) const fn new(store: Store, blobs: Blobs, cache: Cache) -> Self {
        Self { store, blobs, cache }
    }

    /// The files of a snapshot. They are copies: no two tenants share a file.
    pub(crate) async fn get(
        &self,
        tenant: &str,
        project_id: ProjectId,
        snapshot: &str,
    ) -> Result<Kept, ProjectError> {
        let key = key(tenant, &project_id.to_string(), snapshot);
        let (cache, wanted) = (self.cache.clone(), key.clone());
        if let Some(kept) = blocking(move || cache.find(&wanted)).await? {
            return Ok(kept);
        }
        let files = self.store.snapshot_files(tenant, project_id, snapshot).await?;
        if files.is_empty() && self.store.snapshot(tenant, project_id, snapshot).await?.is_none() {
            return Err(ProjectError::NotFound { what: "snapshot", name: snapshot.to_owned() });
        }
        let cache = self.cache.clone();
        let partial = blocking(move || cache.begin()).await?;
        let mut bytes = 0;
        for file in &files {
            self.copy(file, &partial.files()).await?;
            bytes += file.size_bytes;
        }
        let cache = self.cache.clone();
        Ok(blocking(move || cache.keep(&key, partial, bytes)).await?)
    }

    async fn copy(&self, file: &SnapshotFile, top: &Path) -> Result<(), ProjectError> {
        let place = place(top, &file.path)?;
        let top = top.to_owned();
        let made = blocking(move || make(&top, &place)).await?;
        let mut reader = self.blobs.get(&file.sha256).await?;
        let mut to = made;
        while let Some(chunk) = reader.next().await {
            let chunk = chunk?;
            to = blocking(move || to.write_all(&chunk).map(|()| to)).await?;
        }
        Ok(blocking(move || to.set_permissions(fs::Permissions::from_mode(0o644))).await?)
    }
}

/// Where a file goes; the list was checked when it was made, and is again.
fn place(top: &Path, path: &str) -> Result<PathBuf, ProjectError> {
    let path = Path::new(path);
    match path.components().all(|part| matches!(part, Component::Normal(_))) {
        true => Ok(top.join(path)),
        false => Err(ProjectError::Unfit { reason: format!("{path:?} leads elsewhere") }),
    }
}

fn make(top: &Path, place: &Path) -> std::io::Result<File> {
    if let Some(parent) = place.parent() {
        fs::create_dir_all(parent)?;
        let below = parent.ancestors().take_while(|directory| *directory != top);
        for directory in below {
            fs::set_permissions(directory, fs::Permissions::from_mode(0o755))?;
        }
    }
    File::options().write(true).create_new(true).open(place)
}
