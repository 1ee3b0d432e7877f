//! The complete, checked statement of what one sandbox may do.

use std::{
    collections::{BTreeMap, BTreeSet},
    io,
    path::{Path, PathBuf},
};

use api::{Control, ProfileName, StartSpec};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::{GuestPath, Limits, Mount, MountView};

/// Fixed guest paths.
pub mod guest {
    /// The private workspace, and the directory in which programs start.
    pub const WORKSPACE: &str = "/workspace";
    /// The home directory.
    pub const HOME: &str = "/home/user";
    /// Read-only place of source files whose workspace is a shared directory.
    pub const CODE: &str = "/code";
    /// Where an environment is seen.
    pub const ENVIRONMENT: &str = "/sandbox/venv";
}

/// Reach of the network.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Network {
    /// Loopback only.
    None,
    /// The host's.
    Full,
}

/// The complete, checked statement of what one sandbox may do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Policy {
    pub(crate) profile: ProfileName,
    pub(crate) limits: Limits,
    pub(crate) network: Network,
    pub(crate) mounts: Vec<Mount>,
    pub(crate) symlinks: Vec<(GuestPath, PathBuf)>,
    pub(crate) env_vars: BTreeMap<String, String>,
    pub(crate) workspace: GuestPath,
    pub(crate) allow_missing: BTreeSet<Control>,
    pub(crate) start: StartSpec,
    pub(crate) audit: bool,
    pub(crate) core_scheduling: bool,
    /// Whether what it shares is shown later; see [`Policy::for_anybody`].
    pub(crate) awaits_shares: bool,
}

impl Policy {
    /// Which system calls are allowed.
    #[must_use]
    pub const fn profile(&self) -> ProfileName {
        self.profile
    }

    /// Every limit.
    #[must_use]
    pub const fn limits(&self) -> &Limits {
        &self.limits
    }

    /// Reach of the network.
    #[must_use]
    pub const fn network(&self) -> Network {
        self.network
    }

    /// What of the host is seen inside; parents stand before what lies in them.
    #[must_use]
    pub fn mounts(&self) -> &[Mount] {
        &self.mounts
    }

    /// Symbolic links of the root, each with what it points to.
    #[must_use]
    pub fn symlinks(&self) -> &[(GuestPath, PathBuf)] {
        &self.symlinks
    }

    /// Env vars of the program, complete.
    #[must_use]
    pub const fn env_vars(&self) -> &BTreeMap<String, String> {
        &self.env_vars
    }

    /// The directory in which programs start. It is a fresh, writable one unless
    /// a mount has it as its target.
    #[must_use]
    pub const fn workspace(&self) -> &GuestPath {
        &self.workspace
    }

    /// Whether the workspace is a host directory.
    #[must_use]
    pub fn workspace_is_shared(&self) -> bool {
        self.mounts.iter().any(|mount| mount.target == self.workspace)
    }

    /// Whether anything in the sandbox is the host's very files, or will be.
    #[must_use]
    pub fn has_shares(&self) -> bool {
        self.awaits_shares || self.mounts.iter().any(|mount| mount.view == MountView::Shared)
    }

    /// Whether a mount can be shown in a sandbox that is there already: a share that
    /// neither is the workspace nor lies around it.
    pub(crate) fn can_come_later(&self, mount: &Mount) -> bool {
        let holds_workspace = self.workspace.as_path().starts_with(mount.target.as_path());
        mount.view == MountView::Shared && !holds_workspace
    }

    /// Whether the caller accepts to be without a control.
    #[must_use]
    pub fn may_miss(&self, control: Control) -> bool {
        self.allow_missing.contains(&control)
    }

    /// How the interpreter comes to be.
    #[must_use]
    pub const fn start(&self) -> StartSpec {
        self.start
    }

    /// The same for a sandbox that lives for many turns: processor time is bounded
    /// for each turn, by whoever watches it, and not for the sandbox.
    #[must_use]
    pub fn for_turns(mut self) -> Self {
        self.limits.cpu_time = None;
        self
    }

    /// Whether the host's audit log is to have every refused system call.
    #[must_use]
    pub const fn audits(&self) -> bool {
        self.audit
    }

    /// Whether nobody else's code may run on a core beside the sandbox's.
    #[must_use]
    pub const fn has_cores_alone(&self) -> bool {
        self.core_scheduling
    }

    /// SHA-256 of the policy, in hexadecimal digits. Equal policies have equal digests.
    #[must_use]
    pub fn digest(&self) -> String {
        let mut hash = HashWriter(Sha256::new());
        // Numbers and text are all there is, and a hash takes every byte.
        let _ = serde_json::to_writer(&mut hash, &self.as_text());
        hash.0.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// The policy with its paths as text in which odd bytes are escaped: a path
    /// that is not UTF-8 cannot be serialised as such.
    fn as_text(&self) -> impl Serialize + '_ {
        let text = |path: &Path| path.as_os_str().as_encoded_bytes().escape_ascii().to_string();
        let mount = |mount: &Mount| {
            let (source, target) = (text(&mount.source), text(mount.target.as_path()));
            (source, target, mount.access, mount.view)
        };
        let symlink = |(link, to): &(GuestPath, PathBuf)| (text(link.as_path()), text(to));
        let mounts: Vec<_> = self.mounts.iter().map(mount).collect();
        let symlinks: Vec<_> = self.symlinks.iter().map(symlink).collect();
        let places = (mounts, symlinks, text(self.workspace.as_path()));
        let asked = (self.audit, self.core_scheduling, self.start);
        let limits = (&self.limits, &self.allow_missing, asked);
        (self.profile, limits, self.network, places, &self.env_vars)
    }
}

/// Hashes what is written.
struct HashWriter(Sha256);

impl io::Write for HashWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
