//! A project's data.

use std::path::{Path, PathBuf};

use api::{DataFile, DataSnapshot, DataSource, DataSourceKind, Project, SnapshotFile};
use record::{Bucket, BucketLocation, Listed, NewSnapshot, NewSource};

use super::Projects;
use crate::{
    ProjectError,
    checkout::blocking,
    data::{Bounds, Taken, bucket, check, directory},
    media::media_type,
    names,
};

/// The most sources of one project.
const SOURCES_MAX: u32 = 100;
/// The most files of the newest data that are listed: what a person or an assistant reads.
const FILES_SHOWN_MAX: usize = 500;

impl Projects {
    /// Takes a file that was sent as a data source; one of that name is replaced.
    /// `file_name` is what its sender calls it, and what it is found under.
    ///
    /// # Errors
    /// It is too large, or not data that is taken, or its name does not say what it is.
    pub async fn upload(
        &self,
        tenant: &str,
        project: &Project,
        file_name: &str,
        bytes: Vec<u8>,
    ) -> Result<DataSource, ProjectError> {
        names::plain("data source", file_name)?;
        let (given, maximum) = (bytes.len() as u64, self.settings.upload_bytes_max);
        if given > maximum {
            return Err(ProjectError::TooLarge { what: "the upload", given, maximum });
        }
        check(file_name, &bytes).map_err(|reason| ProjectError::Data { reason })?;
        let digest = self.blobs.put_bytes(bytes).await?;
        let (kind, location) = (DataSourceKind::Upload, digest.sha256);
        let (project_id, name) = (project.project_id, file_name.to_owned());
        let source = NewSource { project_id, name, kind, location };
        self.put(tenant, project, source).await
    }

    /// Takes a directory of this host as a data source; one of that name is replaced.
    ///
    /// # Errors
    /// The operator does not allow it, or it is not there.
    pub async fn add_directory(
        &self,
        tenant: &str,
        project: &Project,
        name: &str,
        path: &Path,
    ) -> Result<DataSource, ProjectError> {
        names::plain("data source", name)?;
        let path = self.allowed(path).await?;
        let Some(location) = path.to_str().map(str::to_owned) else {
            return Err(ProjectError::Request { reason: "the directory's path is no text" });
        };
        let (name, kind) = (name.to_owned(), DataSourceKind::Directory);
        let source = NewSource { project_id: project.project_id, name, kind, location };
        self.put(tenant, project, source).await
    }

    /// Takes what is in a bucket below a prefix as a data source, such as
    /// `s3://bucket/prefix`; one of that name is replaced. It is read whenever a snapshot
    /// is taken.
    ///
    /// # Errors
    /// The operator does not allow it, or it is no bucket's URL.
    pub async fn add_bucket(
        &self,
        tenant: &str,
        project: &Project,
        name: &str,
        url: &str,
    ) -> Result<DataSource, ProjectError> {
        names::plain("data source", name)?;
        let location = self.allowed_bucket(url)?.to_string();
        let (name, kind) = (name.to_owned(), DataSourceKind::Bucket);
        let source = NewSource { project_id: project.project_id, name, kind, location };
        self.put(tenant, project, source).await
    }

    /// A project's data sources, by name.
    ///
    /// # Errors
    /// The records cannot be read.
    pub async fn sources(
        &self,
        tenant: &str,
        project: &Project,
    ) -> Result<Vec<DataSource>, ProjectError> {
        let listed = self.store.sources(tenant, project.project_id, SOURCES_MAX, None).await?;
        Ok(listed.items)
    }

    /// Forgets a data source; snapshots taken of it stay. Says whether there was one.
    ///
    /// # Errors
    /// The records cannot be read.
    pub async fn remove_source(
        &self,
        tenant: &str,
        project: &Project,
        name: &str,
    ) -> Result<bool, ProjectError> {
        match self.store.source(tenant, project.project_id, name).await? {
            Some(source) => Ok(self.store.delete_source(tenant, source.source_id).await?),
            None => Ok(false),
        }
    }

    /// Keeps a project's data as it is now.
    ///
    /// # Errors
    /// There is none, or a source cannot be read.
    pub async fn take_snapshot(
        &self,
        tenant: &str,
        project: &Project,
    ) -> Result<DataSnapshot, ProjectError> {
        let mut taken = Taken::default();
        for source in self.sources(tenant, project).await? {
            self.take(&source, &mut taken).await?;
        }
        if taken.files.is_empty() {
            return Err(ProjectError::Request { reason: "the project has no data" });
        }
        let snapshot = NewSnapshot { project_id: project.project_id, files: taken.files };
        Ok(self.store.add_snapshot(tenant, &snapshot).await?)
    }

    /// A project's snapshots, the last taken first.
    ///
    /// # Errors
    /// The cursor is none, or the records cannot be read.
    pub async fn snapshots(
        &self,
        tenant: &str,
        project: &Project,
        limit: u32,
        cursor: Option<&str>,
    ) -> Result<Listed<DataSnapshot>, ProjectError> {
        Ok(self.store.snapshots(tenant, project.project_id, limit, cursor).await?)
    }

    /// The files of a snapshot.
    ///
    /// # Errors
    /// There is none, or the records cannot be read.
    pub async fn snapshot_files(
        &self,
        tenant: &str,
        project: &Project,
        snapshot: &str,
    ) -> Result<Vec<SnapshotFile>, ProjectError> {
        let (store, project_id) = (&self.store, project.project_id);
        let Some(found) = store.snapshot(tenant, project_id, snapshot).await? else {
            let name = snapshot.chars().take(80).collect();
            return Err(ProjectError::NotFound { what: "snapshot", name });
        };
        Ok(store.snapshot_files(tenant, project_id, &found.snapshot_id).await?)
    }

    /// The files of the newest snapshot, as far as a list of them is read; none where there
    /// is no snapshot yet.
    ///
    /// # Errors
    /// The records cannot be read.
    pub async fn newest_files(
        &self,
        tenant: &str,
        project: &Project,
    ) -> Result<Vec<DataFile>, ProjectError> {
        let newest = self.store.snapshots(tenant, project.project_id, 1, None).await?;
        let Some(DataSnapshot { snapshot_id, created_at, .. }) = newest.items.into_iter().next()
        else {
            return Ok(Vec::new());
        };
        let files = self.store.snapshot_files(tenant, project.project_id, &snapshot_id).await?;
        let file = |SnapshotFile { path, sha256, size_bytes }| DataFile {
            media_type: media_type(&path).to_owned(),
            path,
            size_bytes,
            sha256,
            snapshot_id: snapshot_id.clone(),
            taken_at: created_at,
        };
        Ok(files.into_iter().take(FILES_SHOWN_MAX).map(file).collect())
    }

    /// Deletes a snapshot. Says whether there was one.
    ///
    /// # Errors
    /// A record refers to it.
    pub async fn delete_snapshot(
        &self,
        tenant: &str,
        project: &Project,
        snapshot: &str,
    ) -> Result<bool, ProjectError> {
        Ok(self.store.delete_snapshot(tenant, project.project_id, snapshot).await?)
    }

    async fn put(
        &self,
        tenant: &str,
        project: &Project,
        source: NewSource,
    ) -> Result<DataSource, ProjectError> {
        let known = self.sources(tenant, project).await?;
        let is_new = !known.iter().any(|known| known.name == source.name);
        if is_new && known.len() >= SOURCES_MAX as usize {
            return Err(ProjectError::Request {
                reason: "the project has 100 data sources already",
            });
        }
        Ok(self.store.put_source(tenant, &source).await?)
    }

    async fn take(&self, source: &DataSource, taken: &mut Taken) -> Result<(), ProjectError> {
        let most = self.settings.snapshot_bytes_max;
        match source.kind {
            DataSourceKind::Upload => {
                let size_bytes = self.blobs.get(&source.location).await?.size_bytes();
                taken.bytes += size_bytes;
                if taken.bytes > most {
                    let (given, maximum) = (taken.bytes, most);
                    return Err(ProjectError::TooLarge { what: "the snapshot", given, maximum });
                }
                let (path, sha256) = (source.name.clone(), source.location.clone());
                taken.files.push(SnapshotFile { path, sha256, size_bytes });
                Ok(())
            }
            DataSourceKind::Directory => {
                // What may be read is the operator's word of now.
                let path = self.allowed(Path::new(&source.location)).await?;
                directory(&self.blobs, &path, &source.name, most, taken).await
            }
            DataSourceKind::Bucket => {
                // Here, too.
                let location = self.allowed_bucket(&source.location)?;
                let opened = Bucket::open(&location, &self.settings.bucket_options)?;
                let object_bytes = self.settings.object_bytes_max;
                let bounds = Bounds { object_bytes, bytes: most };
                bucket(&self.blobs, &opened, &source.name, bounds, taken).await
            }
        }
    }

    /// A bucket by its URL, if it may be read.
    fn allowed_bucket(&self, url: &str) -> Result<BucketLocation, ProjectError> {
        let location = BucketLocation::parse(url)?;
        match self.settings.buckets.allow(&location) {
            true => Ok(location),
            false => Err(ProjectError::Refused { what: "reading that bucket" }),
        }
    }

    /// A directory of this host as it is without links, if its data may be read.
    async fn allowed(&self, path: &Path) -> Result<PathBuf, ProjectError> {
        let refused = || ProjectError::Refused { what: "reading that directory" };
        if !self.settings.data_dirs.iter().any(|root| path.starts_with(root)) {
            return Err(refused());
        }
        let (path, roots) = (path.to_owned(), self.settings.data_dirs.clone());
        let real = move || {
            let path = std::fs::canonicalize(path)?;
            let roots = roots.iter().filter_map(|root| std::fs::canonicalize(root).ok());
            let may_be = roots.into_iter().any(|root| path.starts_with(root)) && path.is_dir();
            Ok((path, may_be))
        };
        match blocking(real).await? {
            (path, true) => Ok(path),
            _ => Err(refused()),
        }
    }
}
