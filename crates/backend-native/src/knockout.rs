//! Sandboxes with one layer missing, for tests of the layers.
//!
//! Compiled only with the feature `knockout`, which a release build refuses. What
//! is knocked out is reported as not enforced.

use std::mem;

use api::Control;

use crate::plan::{Part, Plan, Step};

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
}

impl Layer {
    const ALL: [(&'static str, Self); 9] = [
        ("seccomp", Self::Seccomp),
        ("landlock", Self::Landlock),
        ("caps", Self::Capabilities),
        ("mount-ro", Self::ReadOnlyMounts),
        ("masks", Self::Masks),
        ("net-ns", Self::Network),
        ("cgroup", Self::Cgroup),
        ("nested-userns", Self::NestedUserns),
        ("private-view", Self::PrivateView),
    ];

    /// The layer that this process is asked to leave out.
    pub(crate) fn asked_for() -> Option<Self> {
        let name = std::env::var(VARIABLE).ok()?;
        Self::ALL.iter().find(|(known, _)| *known == name).map(|(_, layer)| *layer)
    }

    /// The control that is then not enforced.
    pub(crate) const fn control(self) -> Control {
        match self {
            Self::Seccomp => Control::SyscallFilter,
            Self::Landlock => Control::Landlock,
            Self::Capabilities => Control::NoCapabilities,
            Self::ReadOnlyMounts => Control::MountNamespace,
            Self::Masks => Control::MaskedProc,
            Self::Network => Control::Network,
            Self::Cgroup => Control::Memory,
            Self::NestedUserns => Control::NoNestedUserns,
            Self::PrivateView => Control::PrivateView,
        }
    }

    /// Takes the layer's steps out of a plan.
    pub(crate) fn knock_out(self, plan: &mut Plan) {
        plan.steps.retain(|step| !self.is_step(step));
        if self == Self::PrivateView {
            plan.steps = mem::take(&mut plan.steps).into_iter().flat_map(binds).collect();
        }
        for step in &mut plan.steps {
            match (self, &mut *step) {
                (Self::ReadOnlyMounts, Step::Attach { flags, .. }) => flags.writable = true,
                _ => {}
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
            Self::Cgroup | Self::PrivateView => false,
        }
    }
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
