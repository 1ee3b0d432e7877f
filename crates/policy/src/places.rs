//! Places that whoever runs something adds to what a runtime brings: read-only views
//! of host paths, and directories of the root that may be written to.

use std::path::Path;

use api::{Access, Exhibit};

use crate::{
    Mount, MountView, Parts, PolicyError,
    shares::{check_place, check_source, check_target},
};

impl Parts {
    /// Shows a host path, whose text has no symlinks in it, read-only. The same places
    /// are refused as for a share.
    ///
    /// # Errors
    /// The host path is off limits, or the place inside is taken or reserved.
    pub fn exhibit(&mut self, exhibit: &Exhibit) -> Result<(), PolicyError> {
        check_source(&exhibit.source)?;
        let target = check_target(&exhibit.target)?;
        check_place(target.as_path(), self)?;
        self.check_free(target.as_path())?;
        let view = if exhibit.is_owners { MountView::Shared } else { MountView::Private };
        let source = exhibit.source.clone();
        self.mounts.push(Mount { source, target, access: Access::ReadOnly, view });
        Ok(())
    }

    /// Makes a directory of the root a link to one of the same name in the workspace,
    /// which the payload has to bring. Gives that name.
    ///
    /// # Errors
    /// It is not a directory of the root, or is taken or reserved.
    pub fn scratch(&mut self, path: &Path) -> Result<String, PolicyError> {
        let target = check_target(path)?;
        let path = target.as_path();
        let refused = |reason| Err(PolicyError::TargetRefused { path: path.to_owned(), reason });
        let name = match (path.parent(), path.file_name().and_then(|name| name.to_str())) {
            (Some(parent), Some(name)) if parent == Path::new("/") => name.to_owned(),
            _ => return refused("it must be a directory of the root with a name that is text"),
        };
        if self.workspace.as_path().starts_with(path) {
            return refused("that place is the workspace's");
        }
        check_place(path, self)?;
        self.check_free(path)?;
        let to = self.workspace.as_path().join(&name);
        self.symlinks.push((target, to));
        Ok(name)
    }

    fn check_free(&self, path: &Path) -> Result<(), PolicyError> {
        let links = self.symlinks.iter().map(|(link, _)| link);
        let mut taken = self.mounts.iter().map(|mount| &mount.target).chain(links);
        match taken.any(|taken| taken.as_path() == path) {
            true => Err(PolicyError::TargetRefused {
                path: path.to_owned(),
                reason: "something else is already there",
            }),
            false => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use api::PolicySpec;

    use super::*;
    use crate::{Ceiling, GuestPath, HostSupport, resolve};

    fn guest_path(text: &str) -> GuestPath {
        GuestPath::new(text).unwrap()
    }

    fn parts() -> Parts {
        let usr = Mount {
            source: "/usr".into(),
            target: guest_path("/usr"),
            access: Access::ReadOnly,
            view: MountView::Private,
        };
        Parts {
            mounts: vec![usr],
            symlinks: vec![(guest_path("/bin"), "usr/bin".into())],
            env_vars: [].into(),
            workspace: guest_path("/workspace"),
        }
    }

    fn exhibit(source: &str, target: &str) -> Exhibit {
        Exhibit { source: source.into(), target: target.into(), is_owners: false }
    }

    #[test]
    fn directories_of_the_root_lead_into_the_workspace() {
        let mut parts = parts();
        assert_eq!(parts.scratch(Path::new("/outputs")).unwrap(), "outputs");
        let link = parts.symlinks.last().unwrap();
        assert_eq!(link, &(guest_path("/outputs"), "/workspace/outputs".into()));
        let taken = [
            "/outputs",
            "/outputs/a",
            "/a/b",
            "outputs",
            "/",
            "/..",
            "/usr",
            "/bin",
            "/bin/a",
            "/workspace",
            "/tmp",
            "/home",
            "/home/user",
            "/proc",
            "/dev",
            "/etc",
            "/code",
            "/a\0",
        ];
        for path in taken {
            let refused = parts.scratch(Path::new(path));
            assert!(matches!(refused, Err(PolicyError::TargetRefused { .. })), "{path}");
        }
    }

    #[test]
    fn what_is_shown_needs_no_leave_and_hides_nothing() {
        let mut parts = parts();
        parts.scratch(Path::new("/outputs")).unwrap();
        parts.exhibit(&exhibit("/srv/tree", "/repo")).unwrap();
        for (source, target) in [
            ("/srv/tree", "/repo"),
            ("/srv/tree", "/repo/below"),
            ("/srv/tree", "/outputs"),
            ("/srv/tree", "/outputs/below"),
            ("/srv/tree", "/usr/lib"),
            ("/srv/tree", "/home"),
            ("/proc", "/data"),
            ("/", "/data"),
            ("tree", "/data"),
        ] {
            assert!(parts.exhibit(&exhibit(source, target)).is_err(), "{source} at {target}");
        }
        let ceiling = Ceiling { shares: false, ..Ceiling::own_machine() };
        let shown = resolve(&PolicySpec::default(), parts, &ceiling, &HostSupport::default());
        let shown = shown.unwrap();
        let mount = shown.mounts().iter().find(|mount| mount.target == guest_path("/repo"));
        let mount = mount.unwrap();
        assert_eq!((mount.access, mount.view), (Access::ReadOnly, MountView::Private));
    }
}
