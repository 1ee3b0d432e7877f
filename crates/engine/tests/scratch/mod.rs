//! A directory of a test's own, and file trees in it.

use std::{
    fs,
    os::unix::fs::{PermissionsExt, symlink},
    path::{Path, PathBuf},
    sync::atomic::{AtomicU32, Ordering},
};

/// A directory that ends with its owner.
pub(crate) struct Scratch(PathBuf);

impl Scratch {
    /// Makes one, without symlinks in its path.
    pub(crate) fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let next = NEXT.fetch_add(1, Ordering::Relaxed);
        let base = fs::canonicalize(std::env::temp_dir()).unwrap();
        let path = base.join(format!("engine-test-{}-{next}", std::process::id()));
        fs::create_dir(&path).unwrap();
        Self(path)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    pub(crate) fn join(&self, path: &str) -> PathBuf {
        self.0.join(path)
    }

    /// Makes a directory with those above it.
    pub(crate) fn directory(&self, path: &str) -> PathBuf {
        let path = self.join(path);
        fs::create_dir_all(&path).unwrap();
        path
    }

    /// Writes a file with the directories above it.
    pub(crate) fn file(&self, path: &str, body: impl AsRef<[u8]>) -> PathBuf {
        let path = self.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, body).unwrap();
        path
    }

    /// Writes a file that can be executed: a binary by its first bytes.
    pub(crate) fn binary(&self, path: &str) -> PathBuf {
        self.executable(path, b"\x7fELF\x02\x01\x01")
    }

    /// Writes a file that can be executed: a script.
    pub(crate) fn script(&self, path: &str) -> PathBuf {
        self.executable(path, b"#!/bin/sh\nexit 0\n")
    }

    pub(crate) fn executable(&self, path: &str, body: &[u8]) -> PathBuf {
        let path = self.file(path, body);
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        path
    }

    /// Makes a symlink with the directories above it.
    pub(crate) fn link(&self, path: &str, target: impl AsRef<Path>) -> PathBuf {
        let path = self.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        symlink(target, &path).unwrap();
        path
    }

    /// Makes what a toolchain's directory holds beside its programs.
    pub(crate) fn toolchain(&self, path: &str) -> PathBuf {
        self.directory(&format!("{path}/lib"));
        self.directory(&format!("{path}/bin"));
        self.join(path)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}
