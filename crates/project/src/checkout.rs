//! The files of a commit, as a directory that sandboxes can be shown.

use std::{fs, fs::File, path::Path, sync::Arc};

use engine::{ArchiveBounds, ArchiveFormat, Extracted, extract_archive};
use sha2::{Digest, Sha256};

use crate::{
    Git, GitSource, ProjectError, Settings,
    cache::{Cache, Kept, Partial},
};

/// The largest file of a commit: all that may be in it.
const ARCHIVE: &str = "tree.tar";

/// Checks commits out.
#[derive(Clone)]
pub(crate) struct Checkouts {
    git: Git,
    cache: Cache,
    settings: Arc<Settings>,
}

impl Checkouts {
    pub(crate) const fn new(git: Git, cache: Cache, settings: Arc<Settings>) -> Self {
        Self { git, cache, settings }
    }

    /// The files of a commit. No two tenants share a directory: what is locked in one is
    /// nothing to the other.
    pub(crate) async fn get(
        &self,
        tenant: &str,
        source: &GitSource,
        commit: &str,
    ) -> Result<Kept, ProjectError> {
        let key = key(tenant, &source.text(), commit);
        let cache = self.cache.clone();
        let wanted = key.clone();
        if let Some(kept) = blocking(move || cache.find(&wanted)).await? {
            return Ok(kept);
        }
        let cache = self.cache.clone();
        let partial = blocking(move || cache.begin()).await?;
        self.git.archive(tenant, source, commit, &partial.beside(ARCHIVE)).await?;
        let (cache, settings) = (self.cache.clone(), Arc::clone(&self.settings));
        let work = move || unpack(&cache, &settings, &key, partial);
        tokio::task::spawn_blocking(work).await.map_err(std::io::Error::other)?
    }
}

fn unpack(
    cache: &Cache,
    settings: &Settings,
    key: &str,
    partial: Partial,
) -> Result<Kept, ProjectError> {
    let bounds = ArchiveBounds {
        entries: settings.tree_entries_max,
        bytes: settings.tree_bytes_max,
        file_bytes: settings.tree_bytes_max,
        links: true,
    };
    let archive = partial.beside(ARCHIVE);
    let files = partial.files();
    let extracted = extract_archive(File::open(&archive)?, ArchiveFormat::Tar, &bounds, &files)?;
    fs::remove_file(archive)?;
    check(&extracted)?;
    let bytes = extracted.files.iter().map(|(_, size)| size).sum();
    Ok(cache.keep(key, partial, bytes)?)
}

/// A commit can have been made by hand: what would be git's own is no part of a tree.
fn check(extracted: &Extracted) -> Result<(), ProjectError> {
    let is_gits = |path: &Path| path.iter().any(|part| part.eq_ignore_ascii_case(".git"));
    match extracted.files.iter().find(|(path, _)| is_gits(path)) {
        Some((path, _)) => Err(ProjectError::GitsOwn { path: path.display().to_string() }),
        None => Ok(()),
    }
}

/// What a tree is kept under: commits of different sources may have the same id by design.
pub(crate) fn key(tenant: &str, source: &str, commit: &str) -> String {
    digest(&[tenant, source, commit])
}

/// SHA-256 of texts in their order, in hexadecimal digits.
pub(crate) fn digest(parts: &[&str]) -> String {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update((part.len() as u64).to_le_bytes());
        hash.update(part);
    }
    hexadecimal(&hash.finalize())
}

/// Bytes as lower-case hexadecimal digits.
pub(crate) fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Does what waits for a disk on a thread of its own.
pub(crate) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> std::io::Result<T> + Send + 'static,
) -> std::io::Result<T> {
    tokio::task::spawn_blocking(work).await.map_err(std::io::Error::other)?
}
