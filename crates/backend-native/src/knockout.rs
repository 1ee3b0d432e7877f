//! Sandboxes with one layer missing, for tests of the layers.
//!
//! Compiled only with the feature `knockout`, which a release build refuses. What
//! is knocked out is reported as not enforced.

use std::{fs, mem, os::unix::fs::MetadataExt};

use api::Control;

use crate::plan::{Flags, HostPath, Kind, Part, Plan, Slot, Step};

/// Names the layer that is to be missing.
const VARIABLE: &str = "CELLBLOCK_KNOCKOUT";

/// A layer that can be missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Layer {
    Seccomp,
    Landlock,
    Capabilities,
    ReadOnlyMounts,
    Masks,
    Network,
    Cgroup,
    NestedUserns,
    PrivateView,
    PidNamespace,
    UserNamespace,
    NoNewPrivs,
    Descriptors,
}

impl Layer {
    const ALL: [(&'static str, Self); 13] = [
        ("seccomp", Self::Seccomp),
        ("landlock", Self::Landlock),
        ("caps", Self::Capabilities),
        ("mount-ro", Self::ReadOnlyMounts),
        ("masks", Self::Masks),
        ("net-ns", Self::Network),
        ("cgroup", Self::Cgroup),
        ("nested-userns", Self::NestedUserns),
        ("private-view", Self::PrivateView),
        ("pid-ns", Self::PidNamespace),
        ("user-ns", Self::UserNamespace),
        ("no-new-privs", Self::NoNewPrivs),
        ("close-fds", Self::Descriptors),
    ];

    /// The layer that this process is asked to leave out.
    pub(crate) fn asked_for() -> Option<Self> {
        let name = std::env::var(VARIABLE).ok()?;
        Self::ALL.iter().find(|(known, _)| *known == name).map(|(_, layer)| *layer)
    }

    /// The control that is then not enforced; closing descriptors is none of its own.
    pub(crate) const fn control(self) -> Option<Control> {
        Some(match self {
            Self::Seccomp => Control::SyscallFilter,
            Self::Landlock => Control::Landlock,
            Self::Capabilities => Control::NoCapabilities,
            Self::ReadOnlyMounts => Control::MountNamespace,
            Self::Masks => Control::MaskedProc,
            Self::Network => Control::Network,
            Self::Cgroup => Control::Memory,
            Self::NestedUserns => Control::NoNestedUserns,
            Self::PrivateView => Control::PrivateView,
            Self::PidNamespace => Control::PidNamespace,
            Self::UserNamespace => Control::UserNamespace,
            Self::NoNewPrivs => Control::NoNewPrivs,
            Self::Descriptors => return None,
        })
    }

    /// Takes the layer's steps out of a plan.
    pub(crate) fn knock_out(self, plan: &mut Plan, id: (u32, u32)) {
        plan.steps.retain(|step| !self.is_step(step));
        match self {
            Self::PrivateView => {
                plan.steps = mem::take(&mut plan.steps).into_iter().flat_map(binds).collect();
            }
            Self::PidNamespace => show_hosts_processes(plan),
            Self::UserNamespace => {
                for step in &mut plan.steps {
                    if let Step::BecomeUser { uid, gid } = step {
                        (*uid, *gid) = id;
                    }
                }
            }
            // Without it the rest of the lock-down takes the power to do it.
            Self::NoNewPrivs => {
                plan.steps.retain(|step| *step != Step::DropCapabilities);
                plan.steps.push(Step::DropCapabilities);
            }
            _ => {}
        }
        for step in &mut plan.steps {
            if let (Self::ReadOnlyMounts, Step::Attach { flags, .. }) = (self, &mut *step) {
                flags.writable = true;
            }
        }
    }

    const fn is_step(self, step: &Step) -> bool {
        match self {
            Self::Seccomp => matches!(step, Step::SyscallFilter { .. }),
            Self::Landlock => matches!(step, Step::Landlock { .. }),
            Self::Capabilities => {
                matches!(step, Step::DropCapabilities | Step::LockSecureBits)
            }
            Self::ReadOnlyMounts => matches!(step, Step::SealRoot | Step::ReadOnlySysctls),
            Self::Masks => matches!(step, Step::Mask { .. }),
            Self::Network => matches!(step, Step::Loopback),
            Self::NestedUserns => matches!(step, Step::NoNestedUserns),
            Self::NoNewPrivs => matches!(step, Step::NoNewPrivs),
            // What covers parts of `/proc` covers that of a new namespace.
            Self::PidNamespace => {
                matches!(step, Step::Mask { .. } | Step::ReadOnlySysctls | Step::BootId { .. })
            }
            // The limits would be the whole machine's.
            Self::UserNamespace => {
                matches!(step, Step::NoNestedUserns | Step::FewWatches { .. })
            }
            Self::Cgroup | Self::PrivateView | Self::Descriptors => false,
        }
    }
}

/// The host's `/proc` instead of one's own, which only a pid namespace's owner
/// can mount.
fn show_hosts_processes(plan: &mut Plan) {
    const SLOT: Slot = Slot(u16::MAX);
    let Ok(found) = fs::metadata("/proc") else { return };
    let source = HostPath { path: "/proc".into(), device: found.dev(), inode: found.ino() };
    let flags = Flags { writable: true, no_exec: true, devices: false };
    for step in &mut plan.steps {
        if let (Step::Proc { .. }, Ok(target)) = (&*step, policy::GuestPath::new("/proc")) {
            *step = Step::Attach { slot: SLOT, target, kind: Kind::Directory, flags };
        }
    }
    plan.steps.insert(1, Step::Bind { slot: SLOT, source });
}

/// An overlay's parts, each as the host's own directory or file.
fn binds(step: Step) -> Vec<Step> {
    match step {
        Step::Overlay { parts, .. } => {
            let bind = |part: Part| Step::Bind { slot: part.slot, source: part.source };
            parts.into_iter().map(bind).collect()
        }
        step => vec![step],
    }
}
