//! What an operator can do where a control cannot be had.

use std::{fs, io};

use api::Control;

/// What to do about a failed step, if we know.
pub(crate) fn of_failure(control: Option<Control>, error: &io::Error) -> Option<String> {
    let refused = matches!(
        error.raw_os_error().map(rustix::io::Errno::from_raw_os_error),
        Some(rustix::io::Errno::PERM | rustix::io::Errno::ACCESS | rustix::io::Errno::NOSPC)
    );
    match control {
        Some(Control::UserNamespace) if refused => Some(user_namespaces()),
        Some(Control::MaskedProc) => Some(
            "a container hides parts of /proc: start it with \
             `--security-opt systempaths=unconfined`, or pass `--allow-missing masked-proc`"
                .to_owned(),
        ),
        Some(Control::Memory | Control::Pids | Control::Cpu) => Some(cgroups()),
        _ => None,
    }
}

fn knob(path: &str) -> Option<String> {
    fs::read_to_string(path).ok().map(|text| text.trim().to_owned())
}

/// How to be allowed to make user namespaces.
pub(crate) fn user_namespaces() -> String {
    if knob("/proc/sys/kernel/apparmor_restrict_unprivileged_userns").as_deref() == Some("1") {
        return "AppArmor forbids user namespaces to ordinary programs: add a profile with \
                `userns,` for cellblock in /etc/apparmor.d, or run `sysctl -w \
                kernel.apparmor_restrict_unprivileged_userns=0`"
            .to_owned();
    }
    if knob("/proc/sys/kernel/unprivileged_userns_clone").as_deref() == Some("0") {
        return "run `sysctl -w kernel.unprivileged_userns_clone=1`".to_owned();
    }
    if knob("/proc/sys/user/max_user_namespaces").as_deref() == Some("0") {
        return "run `sysctl -w user.max_user_namespaces=15000`".to_owned();
    }
    "user namespaces are forbidden here: inside a container start it with `--security-opt \
     seccomp=unconfined --security-opt apparmor=unconfined --security-opt systempaths=unconfined`"
        .to_owned()
}

/// How to get cgroups.
pub(crate) fn cgroups() -> String {
    "start it in a cgroup of its own with `systemd-run --user --scope -p Delegate=yes cellblock \
     …`, or pass `--allow-missing cgroup` to bound each process alone"
        .to_owned()
}

/// How to get a user id for each sandbox.
pub(crate) fn own_uid() -> String {
    "install the package `uidmap` and give your user a range in /etc/subuid and /etc/subgid \
     (`usermod --add-subuids 100000-165535 --add-subgids 100000-165535 NAME`)"
        .to_owned()
}
