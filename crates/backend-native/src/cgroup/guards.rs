//! What a leaf does beside its limits: second barriers, which no control needs, and
//! a fair share of the processors.
//!
//! They are set where the host has them and read back like limits; one that is
//! there and does not hold refuses the launch.

use std::{
    fs::{self, File},
    io::{self, Write},
    path::Path,
};

use api::{Control, Enforcement, EnforcementLevel};

use super::files;

/// Which of them a leaf holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Guards {
    /// Device files other than the sandbox's own cannot be opened.
    pub devices: bool,
    /// Nothing comes out of the host's pool of huge pages.
    pub huge_pages: bool,
    /// No cgroup can be made in it.
    pub childless: bool,
    /// It lies in its owner's, so the processors are shared between owners.
    pub fair: bool,
}

impl Guards {
    /// Adds them to the reports of the controls that they stand behind.
    pub(crate) fn report(self, report: &mut Enforcement) {
        let words = [
            (self.devices, Control::MountNamespace, "; devices also by cgroup"),
            (self.huge_pages, Control::Memory, "; no huge pages"),
            (self.childless, Control::CgroupNamespace, "; no cgroup in it"),
            (self.fair, Control::Cpu, "; processors shared between owners"),
        ];
        for (holds, control, text) in words {
            let found = report.controls.get_mut(&control);
            if let Some(found) = found.filter(|f| holds && f.level != EnforcementLevel::None) {
                found.detail.push_str(text);
            }
        }
    }
}

/// The device files that a sandbox has, as the devices controller lists them:
/// null, zero, full, random, urandom, ptmx and terminals. None can be made.
const DEVICES: [&str; 7] =
    ["c 1:3 rw", "c 1:5 rw", "c 1:7 rw", "c 1:8 rw", "c 1:9 rw", "c 5:2 rw", "c 136:* rw"];

/// Forbids every device file but a sandbox's own to our directory, and so to every
/// leaf in it. False where that cannot be: in a container, or beside leaves that
/// were made before it could.
pub(super) fn limit_devices(directory: &Path) -> bool {
    let set = || -> io::Result<()> {
        files::write(directory, "devices.deny", "a")?;
        let mut allow = File::options().write(true).open(directory.join("devices.allow"))?;
        // A call for each: the host kernel reads one rule of what it is given.
        DEVICES.iter().try_for_each(|device| allow.write_all(device.as_bytes()))
    };
    // Another process of ours has done it, as a rule.
    holds_devices(directory).is_ok() || set().and_then(|()| holds_devices(directory)).is_ok()
}

/// Makes sure that a cgroup allows a sandbox's own devices and no other.
pub(super) fn holds_devices(directory: &Path) -> io::Result<()> {
    let held = files::read(directory, "devices.list")?;
    match is_list_of(&held, &DEVICES) {
        true => Ok(()),
        false => Err(io::Error::other(format!("devices.list holds {held:?}"))),
    }
}

fn is_list_of(held: &str, devices: &[&str]) -> bool {
    let is_listed = |device: &&str| held.lines().any(|line| line == *device);
    held.lines().count() == devices.len() && devices.iter().all(is_listed)
}

/// Gives a leaf none of the host's huge pages, whatever sizes there are.
pub(super) fn limit_huge(directory: &Path) -> io::Result<bool> {
    let mut held = false;
    for entry in fs::read_dir(directory)? {
        let name = entry?.file_name();
        let is_limit = |name: &&str| {
            name.starts_with("hugetlb.")
                && (name.ends_with(".max") || name.ends_with(".limit_in_bytes"))
        };
        if let Some(name) = name.to_str().filter(is_limit) {
            files::set_number(directory, name, 0)?;
            held = true;
        }
    }
    Ok(held)
}

/// Lets nobody make a cgroup in the leaf; false before Linux 4.14.
pub(super) fn forbid_children(directory: &Path) -> io::Result<bool> {
    match files::set_number(directory, "cgroup.max.descendants", 0) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        done => done.map(|()| true),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_with_more_or_less_is_not_the_one_that_was_set() {
        let list = DEVICES.join("\n") + "\n";
        assert!(is_list_of(&list, &DEVICES));
        for other in ["a *:* rwm\n", "", "c 1:3 rw\n"] {
            assert!(!is_list_of(other, &DEVICES), "{other:?}");
        }
        assert!(!is_list_of(&(list.clone() + "b 8:0 rw\n"), &DEVICES));
        assert!(!is_list_of(&list.replace("1:7 rw", "1:7 rwm"), &DEVICES));
    }

    #[test]
    fn guards_are_told_where_their_control_holds() {
        let mut report = Enforcement::default();
        report.set(Control::Memory, EnforcementLevel::Full, "cgroup version 2");
        report.set(Control::MountNamespace, EnforcementLevel::None, "left out");
        report.set(Control::Cpu, EnforcementLevel::Full, "not limited");
        let guards = Guards { devices: true, huge_pages: true, fair: true, ..Guards::default() };
        guards.report(&mut report);
        let detail = |control| report.controls[&control].detail.as_str();
        assert_eq!(detail(Control::Memory), "cgroup version 2; no huge pages");
        assert_eq!(detail(Control::MountNamespace), "left out");
        assert_eq!(detail(Control::Cpu), "not limited; processors shared between owners");
    }
}
