//! Controls: the restrictions a sandbox can enforce, and the report of which it did.

use std::{collections::BTreeMap, fmt, str::FromStr};

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

macro_rules! controls {
    ($($(#[doc = $doc:literal])+ $variant:ident => $name:literal,)+) => {
        /// One enforceable restriction.
        #[derive(
            Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
            ToSchema,
        )]
        pub enum Control {
            $($(#[doc = $doc])+ #[serde(rename = $name)] $variant,)+
        }

        impl Control {
            /// Every control, in the order in which reports list them.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// The name in JSON, in `--allow-missing` and in reports.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name),+ }
            }

            /// What the control keeps from happening, in one sentence.
            #[must_use]
            pub const fn summary(self) -> &'static str {
                match self { $(Self::$variant => concat!($($doc),+)),+ }
            }
        }
    };
}

controls! {
    /// Identities and capabilities inside mean nothing outside.
    UserNamespace => "user-namespace",
    /// Processes inside see and signal only each other, and end together.
    PidNamespace => "pid-namespace",
    /// The file tree is built from nothing; the host's is out of reach.
    MountNamespace => "mount-namespace",
    /// No network but an own loopback.
    Network => "network",
    /// Own System V and POSIX message queues, semaphores and shared memory.
    IpcNamespace => "ipc-namespace",
    /// Own host name.
    UtsNamespace => "uts-namespace",
    /// The host's cgroup paths are not shown.
    CgroupNamespace => "cgroup-namespace",
    /// Own uptime; the host's is not shown.
    TimeNamespace => "time-namespace",
    /// A host user id that no other sandbox and no person has.
    OwnUid => "own-uid",
    /// Locks, leases and watches on shared read-only files are this sandbox's alone.
    PrivateView => "private-view",
    /// `/proc` shows this sandbox only, with the kernel's own files hidden.
    MaskedProc => "masked-proc",
    /// Every capability is gone and cannot come back.
    NoCapabilities => "no-capabilities",
    /// Set-user-id and file capabilities have no effect.
    NoNewPrivs => "no-new-privs",
    /// No user namespace can be made inside.
    NoNestedUserns => "no-nested-userns",
    /// A second barrier on files, and on signals and abstract sockets.
    Landlock => "landlock",
    /// Only listed system calls with listed arguments reach the host kernel.
    SyscallFilter => "syscall-filter",
    /// Bounds memory of all processes and files together.
    Memory => "memory",
    /// Bounds processes and threads together.
    Pids => "pids",
    /// Bounds the share of the processors.
    Cpu => "cpu",
    /// Bounds processor time of all processes together.
    CpuTime => "cpu-time",
    /// Bounds bytes and files of everything writable.
    Workspace => "workspace",
    /// Bounds open files, file size, locked memory and core dumps of each process.
    Rlimits => "rlimits",
    /// Every process ends at once, also stopped and detached ones.
    Kill => "kill",
    /// Nobody else's code runs on a thread of the same core at the same moment.
    CoreScheduling => "core-scheduling",
}

impl fmt::Display for Control {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

/// The text names no control.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no control is called {name:?}")]
pub struct UnknownControl {
    /// What was given.
    pub name: String,
}

impl Control {
    /// Whether it is enforced, and reported, only where an operator asks for it.
    #[must_use]
    pub const fn is_on_request(self) -> bool {
        matches!(self, Self::CoreScheduling)
    }

    /// The controls that a name stands for: one control, or `cgroup` for the
    /// four that need control groups.
    ///
    /// # Errors
    /// The name is not known.
    pub fn named(name: &str) -> Result<Vec<Self>, UnknownControl> {
        if name == "cgroup" {
            return Ok(vec![Self::Memory, Self::Pids, Self::Cpu, Self::CpuTime]);
        }
        name.parse().map(|control| vec![control])
    }
}

impl FromStr for Control {
    type Err = UnknownControl;

    fn from_str(text: &str) -> Result<Self, UnknownControl> {
        let found = Self::ALL.iter().copied().find(|control| control.name() == text);
        found.ok_or_else(|| UnknownControl { name: text.to_owned() })
    }
}

/// How far a control holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum EnforcementLevel {
    /// It does not hold.
    None,
    /// It holds in part; the detail says which part.
    Partial,
    /// It holds.
    Full,
}

/// What one control's mechanism achieved in one sandbox.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ControlReport {
    /// How far it holds.
    pub level: EnforcementLevel,
    /// By which mechanism, or why not.
    pub detail: String,
}

/// What was enforced in one sandbox: a report for every control, but for those on
/// request that nobody asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Enforcement {
    /// The backend that enforced it.
    pub backend: String,
    /// One report for each.
    #[schema(value_type = BTreeMap<String, ControlReport>)]
    pub controls: BTreeMap<Control, ControlReport>,
}

impl Enforcement {
    /// Reports one control.
    pub fn set(&mut self, control: Control, level: EnforcementLevel, detail: impl Into<String>) {
        self.controls.insert(control, ControlReport { level, detail: detail.into() });
    }

    /// How far a control holds; [`EnforcementLevel::None`] where nothing was reported.
    #[must_use]
    pub fn level(&self, control: Control) -> EnforcementLevel {
        self.controls.get(&control).map_or(EnforcementLevel::None, |report| report.level)
    }

    /// The controls that do not hold fully.
    pub fn missing(&self) -> impl Iterator<Item = Control> + '_ {
        let wanted = |c: &Control| !c.is_on_request() || self.controls.contains_key(c);
        let lacks = |c: &Control| self.level(*c) < EnforcementLevel::Full;
        Control::ALL.iter().copied().filter(wanted).filter(lacks)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_parses_back_to_its_control() {
        for control in Control::ALL {
            assert_eq!(control.name().parse::<Control>().as_ref(), Ok(control));
        }
        assert!("cgroups".parse::<Control>().is_err());
    }

    #[test]
    fn a_control_on_request_is_missing_only_where_it_was_asked_for() {
        let mut report = Enforcement::default();
        assert!(report.missing().eq(Control::ALL.iter().copied().filter(|c| !c.is_on_request())));
        report.set(Control::CoreScheduling, EnforcementLevel::None, "refused");
        assert!(report.missing().eq(Control::ALL.iter().copied()));
        report.set(Control::CoreScheduling, EnforcementLevel::Full, "");
        assert!(report.missing().all(|control| control != Control::CoreScheduling));
    }
}
