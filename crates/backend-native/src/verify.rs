//! Looks from outside at what a sandbox's init has become.
//!
//! What init says of itself is not enough to report a control as enforced: the
//! host kernel's own account of the process is.

use std::{
    ffi::OsString,
    fs::File,
    io::Read,
    os::unix::ffi::OsStringExt,
    path::{Path, PathBuf},
};

use api::{Access, Control, Enforcement, EnforcementLevel};
use policy::{GuestPath, Mount, MountView, Policy};
use sandbox::LaunchError;

use crate::{launch::is_left_out, text};

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

/// What the host kernel says of a mount of another process.
#[derive(Debug, PartialEq, Eq)]
struct Mounted {
    place: PathBuf,
    flags: Vec<Vec<u8>>,
    /// Whether mounts are passed on to it, or from it.
    propagates: bool,
}

impl Mounted {
    /// Reads a line of a mountinfo.
    fn parse(line: &[u8]) -> Option<Self> {
        let mut fields = line.split(|byte| *byte == b' ').skip(4);
        let place = unescaped(fields.next()?);
        let flags = fields.next()?.split(|byte| *byte == b',').map(<[u8]>::to_vec).collect();
        let propagates = fields.next()? != b"-";
        Some(Self { place, flags, propagates })
    }

    fn has(&self, flag: &str) -> bool {
        self.flags.iter().any(|found| found == flag.as_bytes())
    }
}

/// A path as a mountinfo has it: odd bytes as a backslash and three octal digits.
fn unescaped(mut text: &[u8]) -> PathBuf {
    let mut bytes = Vec::with_capacity(text.len());
    while let Some((first, after)) = text.split_first() {
        let digits = after.get(..3).filter(|_| *first == b'\\');
        let number = digits.and_then(|digits| std::str::from_utf8(digits).ok());
        let (byte, rest) = match number.and_then(|digits| u8::from_str_radix(digits, 8).ok()) {
            Some(byte) => (byte, after.get(3..).unwrap_or_default()),
            None => (*first, after),
        };
        bytes.push(byte);
        text = rest;
    }
    OsString::from_vec(bytes).into()
}

/// The most that is read of a mountinfo: the mounts in a share are the host's, some
/// thousands at most.
const MOUNTINFO_BYTES_MAX: u64 = 4 << 20;

/// Makes sure that the shares of a policy are where a sandbox's process is to see
/// them, and that they and what is mounted in them are no more than the policy says.
///
/// # Errors
/// One is not.
pub(crate) fn shares(process: rustix::process::Pid, policy: &Policy) -> Result<(), LaunchError> {
    if !policy.has_shares() || is_left_out(Control::MountNamespace) {
        return Ok(());
    }
    let place = format!("/proc/{}/mountinfo", process.as_raw_nonzero());
    let mut mounts = Vec::new();
    let read =
        File::open(place).and_then(|file| file.take(MOUNTINFO_BYTES_MAX).read_to_end(&mut mounts));
    let unread = match read {
        Ok(count) if (count as u64) < MOUNTINFO_BYTES_MAX => None,
        _ => Some("its mounts cannot be read".to_owned()),
    };
    match unread.or_else(|| wrong_share(&mounts, policy.workspace(), policy.mounts())) {
        None => Ok(()),
        Some(detail) => Err(LaunchError::NotEnforced { control: Control::MountNamespace, detail }),
    }
}

fn wrong_share(mountinfo: &[u8], workspace: &GuestPath, mounts: &[Mount]) -> Option<String> {
    let lines = mountinfo.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
    let Some(found) = lines.map(Mounted::parse).collect::<Option<Vec<_>>>() else {
        return Some("its mounts are told in another form".to_owned());
    };
    // A mount belongs to the innermost place that it is in.
    let place_of = |place: &Path| {
        let places = mounts.iter().map(|mount| &mount.target).chain([workspace]);
        let around = places.filter(|target| place.starts_with(target.as_path()));
        around.max_by_key(|target| target.as_path().as_os_str().len())
    };
    for share in mounts.iter().filter(|mount| mount.view == MountView::Shared) {
        let target = share.target.as_path();
        let its = |mounted: &&Mounted| place_of(&mounted.place) == Some(&share.target);
        let its: Vec<_> = found.iter().filter(its).collect();
        if its.iter().filter(|mounted| mounted.place == target).count() != 1 {
            return Some(format!("{} is not mounted once", share.target));
        }
        let may_write = share.access == Access::ReadWrite;
        let is_wrong = |mounted: &&&Mounted| {
            let is_confined = mounted.has("nosuid") && mounted.has("nodev");
            !is_confined || mounted.propagates || !(may_write || mounted.has("ro"))
        };
        if let Some(wrong) = its.iter().find(is_wrong) {
            return Some(format!("{} is mounted otherwise", wrong.place.display()));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn share(target: &str, access: Access) -> Mount {
        let target = GuestPath::new(target).unwrap();
        Mount { source: "/srv".into(), target, access, view: MountView::Shared }
    }

    #[test]
    fn shares_are_where_they_belong_and_no_more_than_they_may_be() {
        let mounts = [
            share("/data", Access::ReadOnly),
            share("/data/out", Access::ReadWrite),
            share("/a b", Access::ReadOnly),
        ];
        let good = "1 0 0:1 / / ro - tmpfs tmpfs rw\n\
            2 1 0:2 /srv /data ro,nosuid,nodev,relatime - ext4 /dev/a rw\n\
            3 2 0:2 / /data/deep ro,nosuid,nodev - ext4 /dev/a rw\n\
            4 2 0:2 /srv /data/out rw,nosuid,nodev - ext4 /dev/a rw\n\
            6 2 0:3 / /data/work rw - tmpfs tmpfs rw\n\
            5 1 0:2 /srv /a\\040b ro,nosuid,nodev - ext4 /dev/a rw\n";
        let wrong = |text: &str| {
            let workspace = GuestPath::new("/data/work").unwrap();
            wrong_share(text.as_bytes(), &workspace, &mounts)
        };
        assert_eq!(wrong(good), None);
        for (from, to) in [
            ("/data ro,", "/data rw,"),
            ("/data ro,nosuid", "/data ro"),
            ("/data ro,nosuid,nodev", "/data ro,nosuid"),
            ("/data/deep ro,", "/data/deep rw,"),
            ("/data/deep ro,nosuid", "/data/deep ro"),
            ("/data/out rw,nosuid,nodev", "/data/out rw,nosuid,nodev shared:3"),
            ("/data/out rw,nosuid,nodev", "/data/out rw,nosuid,nodev master:3"),
            ("/a\\040b", "/a\\040c"),
            ("/data/deep ro", "/data ro"),
            (" - ", " "),
            (" - ext4 /dev/a rw", ""),
        ] {
            let bad = good.replace(from, to);
            assert_ne!(bad, good, "{from}");
            assert!(wrong(&bad).is_some(), "{from} as {to}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_may_be_a_mountinfo(text: Vec<u8>, lines in "([ -~\\\\0-9]{0,40}\n?){0,4}") {
            let share = share("/data", Access::ReadOnly);
            for text in [text.as_slice(), lines.as_bytes()] {
                let _ = wrong_share(text, &share.target, std::slice::from_ref(&share));
            }
        }
    }

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
