//! A directory of a test's own, gone with it.

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    sync::atomic::{AtomicUsize, Ordering},
};

use super::{KeyName, KeyStore, NewKey, Scope};

static COUNT: AtomicUsize = AtomicUsize::new(0);

/// A directory that is not there yet.
pub(super) struct Scratch(PathBuf);

impl Scratch {
    pub(super) fn new() -> Self {
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("cb-keys-{}-{number}", std::process::id());
        Self(std::env::temp_dir().join(name))
    }

    pub(super) fn path(&self) -> &Path {
        &self.0
    }

    pub(super) fn file(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    pub(super) fn store(&self) -> KeyStore {
        KeyStore::open(&self.0).unwrap()
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // What cannot be removed is among other temporary files.
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// A key of a tenant that may run and does not expire.
pub(super) fn runner(tenant: &str) -> NewKey {
    let tenant = tenant.parse().unwrap();
    NewKey { tenant, scope: Scope::Run, name: KeyName::default(), lifetime: None }
}

/// The permissions of a path.
pub(super) fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o7777
}

/// Gives a path other permissions.
pub(super) fn chmod(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}
