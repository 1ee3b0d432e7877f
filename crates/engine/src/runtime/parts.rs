//! Gathers what a runtime consists of; every mount in it is read-only.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
};

use api::Access;
use policy::{GuestPath, Mount, MountView};

use super::Runtime;

/// What has been gathered so far.
#[derive(Debug, Default)]
pub(super) struct Parts {
    mounts: BTreeMap<GuestPath, PathBuf>,
    symlinks: BTreeMap<GuestPath, PathBuf>,
    directories: Vec<PathBuf>,
    env_vars: BTreeMap<String, String>,
}

impl Parts {
    /// Shows a host path, which has no symlinks in it, at a guest path.
    pub(super) fn mount(&mut self, source: &Path, target: &Path) {
        if let Ok(target) = GuestPath::new(target) {
            self.mounts.entry(target).or_insert_with(|| source.to_owned());
        }
    }

    /// Shows a host path at the same guest path.
    pub(super) fn mount_same(&mut self, path: &Path) {
        self.mount(path, path);
    }

    /// Puts a symlink at a guest path.
    pub(super) fn link(&mut self, path: &Path, target: PathBuf) {
        if let Ok(path) = GuestPath::new(path) {
            self.symlinks.entry(path).or_insert(target);
        }
    }

    /// Shows a toolchain's directory, and has its programs found by name.
    pub(super) fn prefix(&mut self, directory: &Path) {
        self.mount_same(directory);
        self.search(directory.join("bin"));
    }

    /// Adds a guest directory to where programs are found by name.
    pub(super) fn search(&mut self, directory: PathBuf) {
        if !self.directories.contains(&directory) {
            self.directories.push(directory);
        }
    }

    /// Sets env vars.
    pub(super) fn set(&mut self, env_vars: &[(&str, &str)]) {
        let owned = env_vars.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        self.env_vars.extend(owned);
    }

    /// The directories in which programs are found by name, as `PATH` has them.
    fn path(&self) -> String {
        const SYSTEM: [&str; 3] = ["/usr/local/bin", "/usr/bin", "/bin"];
        let named = self.directories.iter().filter_map(|directory| directory.to_str());
        // A colon would split one directory into two.
        let named = named.filter(|directory| !directory.contains(':'));
        named.chain(SYSTEM).collect::<Vec<_>>().join(":")
    }

    /// The runtime: mounts, outer before inner; the symlinks that no mount
    /// brings; the env vars.
    pub(super) fn finish(mut self) -> Runtime {
        let path = self.path();
        self.env_vars.insert("PATH".to_owned(), path);
        let seen: BTreeSet<PathBuf> =
            self.mounts.keys().map(|target| target.as_path().to_owned()).collect();
        let within = |path: &Path| path.ancestors().any(|ancestor| seen.contains(ancestor));
        let symlinks = self.symlinks.into_iter().filter(|(path, _)| !within(path.as_path()));
        let (access, view) = (Access::ReadOnly, MountView::Private);
        let mounts = self.mounts.into_iter();
        let mounts = mounts.map(|(target, source)| Mount { source, target, access, view });
        Runtime {
            mounts: mounts.collect(),
            symlinks: symlinks.collect(),
            env_vars: self.env_vars,
            ..Runtime::default()
        }
    }
}
