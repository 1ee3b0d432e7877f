//! Looks from outside at what a sandbox's init has become.
//!
//! What init says of itself is not enough to report a control as enforced: the
//! host kernel's own account of the process is.

use api::{Control, Enforcement, EnforcementLevel};
use sandbox::LaunchError;

use crate::text;

/// What the host kernel says of a process.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Account {
    uid: Option<u32>,
    capabilities: Vec<u64>,
    no_new_privs: bool,
    filters: bool,
    groups: bool,
    /// The lines of its cgroups.
    pub cgroups: String,
}

impl Account {
    /// The controls that it tells of.
    pub(crate) const TELLS_OF: [Control; 4] = [
        Control::NoCapabilities,
        Control::NoNewPrivs,
        Control::SyscallFilter,
        Control::UserNamespace,
    ];

    /// Reads the account of a process.
    pub(crate) fn read(pid: rustix::process::Pid) -> Self {
        let place = format!("/proc/{}", pid.as_raw_nonzero());
        let status = text::of(format!("{place}/status"));
        let cgroups = text::of(format!("{place}/cgroup"));
        Self { cgroups, ..Self::parse(&status) }
    }

    fn parse(status: &str) -> Self {
        let mut account = Self::default();
        for (name, value) in status.lines().filter_map(|line| line.split_once(':')) {
            let value = value.trim();
            match name {
                "Uid" => account.uid = value.split_whitespace().nth(1).and_then(|t| t.parse().ok()),
                "Groups" => account.groups = !value.is_empty(),
                "NoNewPrivs" => account.no_new_privs = value == "1",
                "Seccomp" => account.filters = value == "2",
                "CapInh" | "CapPrm" | "CapEff" | "CapBnd" | "CapAmb" => {
                    account.capabilities.push(u64::from_str_radix(value, 16).unwrap_or(u64::MAX));
                }
                _ => {}
            }
        }
        account
    }

    /// Reports the controls that the account tells of.
    ///
    /// # Errors
    /// A control that was applied without an error does not show.
    pub(crate) fn report(
        &self,
        enforcement: &mut Enforcement,
        expected_uid: u32,
    ) -> Result<(), LaunchError> {
        let no_capabilities =
            self.capabilities.len() == 5 && self.capabilities.iter().all(|set| *set == 0);
        let facts = [
            (Control::NoCapabilities, no_capabilities, "all five sets are empty"),
            (Control::NoNewPrivs, self.no_new_privs, "set"),
            (Control::SyscallFilter, self.filters, "in force"),
            (Control::UserNamespace, self.uid == Some(expected_uid), "ids are mapped"),
        ];
        for (control, holds, detail) in facts {
            let was_weakened = enforcement.controls.contains_key(&control);
            match (holds, was_weakened) {
                (true, false) => enforcement.set(control, EnforcementLevel::Full, detail),
                (false, false) => {
                    let detail = "the host kernel's account of the process says otherwise";
                    return Err(LaunchError::NotEnforced { control, detail: detail.to_owned() });
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// Whether the process is in any supplementary group.
    pub(crate) const fn has_groups(&self) -> bool {
        self.groups
    }
}

/// The namespaces that a forked sandbox must not share with its zygote.
const OWN: [&str; 6] = ["user", "pid", "mnt", "ipc", "uts", "cgroup"];

/// Makes sure that a forked sandbox is in namespaces of its own.
///
/// # Errors
/// It shares one, or what it is in cannot be read.
pub(crate) fn own_namespaces(
    process: rustix::process::Pid,
    zygote: rustix::process::Pid,
    has_own_network: bool,
) -> Result<(), LaunchError> {
    let of = |pid: rustix::process::Pid, name: &str| {
        std::fs::read_link(format!("/proc/{}/ns/{name}", pid.as_raw_nonzero()))
    };
    for name in OWN.into_iter().chain(has_own_network.then_some("net")) {
        match (of(process, name), of(zygote, name)) {
            (Ok(its), Ok(zygotes)) if its != zygotes => {}
            _ => {
                let detail = format!("it has no {name} namespace of its own");
                return Err(LaunchError::NotEnforced { control: Control::UserNamespace, detail });
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const STATUS: &str = "Name:\tinit\nUid:\t7\t7\t7\t7\nGroups:\t \nCapInh:\t0000000000000000\n\
        CapPrm:\t0000000000000000\nCapEff:\t0000000000000000\nCapBnd:\t0000000000000000\n\
        CapAmb:\t0000000000000000\nNoNewPrivs:\t1\nSeccomp:\t2\n";

    #[test]
    fn a_confined_process_is_reported_and_others_are_refused() {
        let mut enforcement = Enforcement::default();
        assert!(Account::parse(STATUS).report(&mut enforcement, 7).is_ok());
        assert_eq!(enforcement.level(Control::SyscallFilter), EnforcementLevel::Full);
        for (from, to) in [
            ("CapBnd:\t0000000000000000", "CapBnd:\t0000000000000001"),
            ("CapAmb:\t0000000000000000\n", ""),
            ("CapEff:\t0000000000000000", "CapEff:\tx"),
            ("Seccomp:\t2", "Seccomp:\t0"),
            ("NoNewPrivs:\t1", "NoNewPrivs:\t0"),
            ("Uid:\t7\t7", "Uid:\t7\t0"),
        ] {
            let status = STATUS.replace(from, to);
            assert_ne!(status, STATUS);
            assert!(Account::parse(&status).report(&mut Enforcement::default(), 7).is_err());
        }
    }
}
