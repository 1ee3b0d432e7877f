//! A cgroup for each owner, in which those of its sandboxes lie: all of one weight,
//! so that who has many sandboxes gets no more of the processors than who has one.
//!
//! It is made for an owner's first sandbox and removed with the last. Its name tells
//! the process that made it and a number: an owner's name stands nowhere on the host,
//! and no two processes make or remove the same. There are no more of them than
//! sandboxes.

use std::{
    collections::HashMap,
    fs, io,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
};

use sandbox::Owner;

use super::{
    files,
    site::{Controller, Site},
    version2::Place,
};
use crate::sweep;

/// Those who have a sandbox.
#[derive(Debug, Default)]
pub(super) struct Owners(Mutex<HashMap<Owner, Weak<Share>>>);

/// An owner's cgroups; they are removed with the last sandbox that has them.
#[derive(Debug)]
pub(super) struct Share {
    owners: Arc<Owners>,
    owner: Owner,
    /// Below the directory of the hierarchy that shares the processors, version 1.
    v1: Option<PathBuf>,
    v2: Option<PathBuf>,
}

impl Owners {
    fn lock(&self) -> MutexGuard<'_, HashMap<Owner, Weak<Share>>> {
        // Whoever panicked with it left a table that is whole.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Share {
    /// An owner's cgroups: those of its other sandboxes, or new ones.
    ///
    /// # Errors
    /// One cannot be made.
    pub(super) fn of(site: &Site, owner: &Owner) -> io::Result<Arc<Self>> {
        // Held meanwhile, so that whoever comes second finds what the first has made.
        let mut table = site.owners.lock();
        if let Some(share) = table.get(owner).and_then(Weak::upgrade) {
            return Ok(share);
        }
        let (v1, v2) = make(site)?;
        let (owners, owner) = (Arc::clone(&site.owners), owner.clone());
        let share = Arc::new(Self { owners, owner, v1, v2 });
        table.insert(share.owner.clone(), Arc::downgrade(&share));
        Ok(share)
    }

    /// Whether the processors are shared between owners here.
    pub(super) const fn is_fair(&self) -> bool {
        self.v1.is_some() || self.v2.is_some()
    }

    /// In which directory of version 1 a leaf lies that is for a hierarchy of ours.
    pub(super) fn v1<'a>(&'a self, hierarchy: &'a Path) -> &'a Path {
        let own = self.v1.as_deref();
        own.filter(|own| own.parent() == Some(hierarchy)).unwrap_or(hierarchy)
    }

    /// In which directory of version 2 a leaf lies.
    pub(super) fn v2<'a>(&'a self, place: &'a Place) -> &'a Path {
        self.v2.as_deref().unwrap_or(&place.directory)
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        let mut table = self.owners.lock();
        // Another may have been made for the owner since nobody had this one.
        if table.get(&self.owner).is_some_and(|share| share.strong_count() == 0) {
            table.remove(&self.owner);
        }
        drop(table);
        remove(self.v1.as_deref().into_iter().chain(self.v2.as_deref()));
    }
}

fn remove<'a>(directories: impl Iterator<Item = &'a Path>) {
    for directory in directories {
        // Refused where a leaf could not be removed: the next sweep takes both.
        let _ = files::remove(directory);
    }
}

/// Makes a cgroup wherever the processors are shared.
fn make(site: &Site) -> io::Result<(Option<PathBuf>, Option<PathBuf>)> {
    let name = sweep::new_name();
    let v1 = site.v1.get(&Controller::Cpu).map(|parent| parent.join(&name));
    let v2 = site.v2.as_ref().filter(|place| place.controllers.contains(&"cpu"));
    if let Some(directory) = &v1 {
        fs::create_dir(directory)?;
    }
    let made = v2.map(|place| make_v2(place, &name)).transpose();
    if made.is_err() {
        remove(v1.as_deref().into_iter());
    }
    Ok((v1, made?))
}

/// Makes one that passes on to leaves all that our directory passes on to it.
fn make_v2(place: &Place, name: &str) -> io::Result<PathBuf> {
    let directory = place.directory.join(name);
    fs::create_dir(&directory)?;
    let passed = files::write(&directory, "cgroup.subtree_control", &place.passed_on());
    if passed.is_err() {
        remove([directory.as_path()].into_iter());
    }
    passed.map(|()| directory)
}
