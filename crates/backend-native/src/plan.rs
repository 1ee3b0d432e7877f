//! The plan: a sandbox's set-up as an ordered, printable list.
//!
//! The host side makes it of a policy ([`crate::build`]); init applies it, step
//! by step and in this order. What is not in the plan is not done, so whoever
//! reads a printed plan has read the sandbox.

use std::{
    collections::BTreeSet,
    fmt,
    path::{Path, PathBuf},
};

use api::Control;
use policy::{GuestPath, syscalls::FilterProgram};
use serde::{Deserialize, Serialize};

/// One sandbox's set-up, and what is run in it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Plan {
    /// In order.
    pub steps: Vec<Step>,
    /// Controls whose steps may fail.
    pub waived: BTreeSet<Control>,
    /// Limits of each process.
    pub rlimits: Rlimits,
    /// Env vars of the program.
    pub env_vars: Vec<(String, String)>,
    /// The directory in which programs start.
    pub workspace: GuestPath,
}

/// A mount that is open but not yet anywhere, by its place in a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct Slot(pub u16);

/// A part of an overlay.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Part {
    pub slot: Slot,
    pub source: HostPath,
    /// Relative to what the overlay shows; empty for all of it.
    pub path: PathBuf,
}

/// What a mount shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Kind {
    File,
    Directory,
}

/// A host path as the host side saw it; init refuses one that has changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct HostPath {
    pub path: PathBuf,
    pub device: u64,
    pub inode: u64,
}

/// Flags of a mount; device files and set-user-id never work.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Flags {
    pub writable: bool,
    pub no_exec: bool,
    pub devices: bool,
}

/// Limits of each process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Rlimits {
    pub open_files: u64,
    pub file_size_bytes: u64,
    pub processes: u64,
    /// Two seconds above the limit of the run: it acts where the host side cannot.
    pub cpu_seconds: Option<u64>,
    /// Private writable memory, where no cgroup bounds it.
    pub data_bytes: Option<u64>,
}

/// One step of the set-up.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Step {
    /// Opens an overlay of a host directory, or parts of one: the same files,
    /// inodes of our own.
    Overlay { source: HostPath, parts: Vec<Part> },
    /// Reads a small host file, to be written where it is attached.
    Copy { slot: Slot, source: HostPath },
    /// Opens a host file or directory itself.
    Bind { slot: Slot, source: HostPath },
    /// Takes a mount that the host side opened with the owner's ids mapped to ours.
    Mapped { slot: Slot, descriptor: i32, source: PathBuf },
    /// Takes a mount that was opened before, as it is.
    Opened { slot: Slot, descriptor: i32, source: PathBuf },
    /// Becomes the user of the sandbox; capabilities over the namespaces stay.
    BecomeUser { uid: u32, gid: u32 },
    /// No mount or unmount crosses the border of the mount namespace.
    PrivateMounts,
    /// Mounts of its own, at first the same as those of the sandbox that it is in.
    OwnMounts,
    /// Mounts the new root: empty, in memory, size-limited.
    Root { bytes: u64, inodes: u64 },
    /// Makes a directory of the root.
    Directory { path: GuestPath, mode: u32 },
    /// Makes a symbolic link of the root.
    Symlink { path: GuestPath, target: PathBuf },
    /// Writes a small file of the root.
    File { path: GuestPath, text: String },
    /// Everything writable, of one size-limited file system: a directory each. It
    /// is new, or what an earlier sandbox left, by the number of its descriptor.
    Scratch { bytes: u64, inodes: u64, places: Vec<ScratchPlace>, remains: Option<i32> },
    /// Puts an open mount into place.
    Attach { slot: Slot, target: GuestPath, kind: Kind, flags: Flags },
    /// Mounts a `/dev/pts` of its own, with so many terminals at most.
    Terminals { max: u32 },
    /// Mounts a `/proc` of the new pid namespace.
    Proc { processes_only: bool },
    /// Covers a file or directory of `/proc`.
    Mask { path: GuestPath, kind: Kind },
    /// Makes `/proc/sys` read-only.
    ReadOnlySysctls,
    /// Shows an id of the machine's start that is nobody's.
    BootId { text: String },
    /// Forbids user namespaces below this one.
    NoNestedUserns,
    /// Few watches of files: the host counts those of all sandboxes together as
    /// their maker's own.
    FewWatches { instances: u32, watches: u32 },
    /// Sets the host name of the sandbox.
    HostName,
    /// Brings loopback up.
    Loopback,
    /// Makes the sandbox's cgroups the root of what is shown.
    CgroupNamespace,
    /// Starts the clocks of uptime at zero.
    OwnClocks,
    /// Lets nobody else's code run on a core beside this sandbox's.
    CoreScheduling,
    /// Makes the new root the root, and lets go of the host's tree.
    Enter,
    /// Puts the files of the request into the workspace and `/code`.
    Files { code: GuestPath },
    /// Makes the root read-only.
    SealRoot,
    /// One byte of core dump: with none, a piped core pattern would still run.
    NoCoreDumps,
    /// Ends first when the host runs out of memory.
    OomFirst,
    /// Nobody may trace init or read its memory.
    NotDumpable,
    /// User id 0 has no power and cannot get any.
    LockSecureBits,
    /// Every capability is gone, also from what can be regained.
    DropCapabilities,
    /// Set-user-id and file capabilities have no effect.
    NoNewPrivs,
    /// The second barrier on files, signals and abstract sockets.
    Landlock { writable: Vec<GuestPath>, devices: Vec<GuestPath> },
    /// Only listed system calls from here on.
    SyscallFilter { profile: String, program: FilterProgram, audit: bool },
}

/// A directory of the writable file system.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ScratchPlace {
    pub target: GuestPath,
    pub no_exec: bool,
    /// Everybody may write, as in `/tmp`.
    pub sticky: bool,
}

impl Step {
    /// The control that is lost when the step fails.
    pub(crate) const fn control(&self) -> Option<Control> {
        match self {
            Self::Overlay { .. } => Some(Control::PrivateView),
            Self::Proc { .. } | Self::Mask { .. } | Self::ReadOnlySysctls | Self::BootId { .. } => {
                Some(Control::MaskedProc)
            }
            // Limits of the user namespace, both: where one cannot be set, neither can.
            Self::NoNestedUserns | Self::FewWatches { .. } => Some(Control::NoNestedUserns),
            Self::HostName => Some(Control::UtsNamespace),
            Self::CgroupNamespace => Some(Control::CgroupNamespace),
            Self::OwnClocks => Some(Control::TimeNamespace),
            Self::CoreScheduling => Some(Control::CoreScheduling),
            Self::LockSecureBits | Self::DropCapabilities => Some(Control::NoCapabilities),
            Self::NoNewPrivs => Some(Control::NoNewPrivs),
            Self::Landlock { .. } => Some(Control::Landlock),
            Self::SyscallFilter { .. } => Some(Control::SyscallFilter),
            _ => None,
        }
    }
}

impl fmt::Display for Plan {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, step) in self.steps.iter().enumerate() {
            writeln!(formatter, "{:>3}  {step}", number + 1)?;
        }
        Ok(())
    }
}

impl fmt::Display for Flags {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = |set, text| if set { text } else { "" };
        write!(
            formatter,
            "{}{}{},nosuid",
            if self.writable { "rw" } else { "ro" },
            word(self.no_exec, ",noexec"),
            word(!self.devices, ",nodev"),
        )
    }
}

fn host(source: &HostPath) -> std::path::Display<'_> {
    source.path.display()
}

impl fmt::Display for Step {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Overlay { source, parts } => {
                write!(out, "open overlay {} as", host(source))?;
                parts.iter().try_for_each(|part| {
                    write!(out, " #{}", part.slot.0)?;
                    match part.path.as_os_str().is_empty() {
                        true => Ok(()),
                        false => write!(out, " {}", part.path.display()),
                    }
                })
            }
            Self::Copy { slot, source } => write!(out, "open #{} copy {}", slot.0, host(source)),
            Self::Bind { slot, source } => write!(out, "open #{} {}", slot.0, host(source)),
            Self::Mapped { slot, source, .. } => {
                write!(out, "open #{} id-mapped {}", slot.0, source.display())
            }
            Self::Opened { slot, source, .. } => {
                write!(out, "open #{} {}", slot.0, source.display())
            }
            Self::BecomeUser { uid, gid } => write!(out, "become uid {uid} gid {gid}"),
            Self::PrivateMounts => out.write_str("make every mount private"),
            Self::Root { bytes, inodes } => {
                write!(out, "mount root tmpfs size={bytes} nr_inodes={inodes}")
            }
            Self::Directory { path, mode } => write!(out, "mkdir {path} {mode:04o}"),
            Self::Symlink { path, target } => write!(out, "symlink {path} -> {}", target.display()),
            Self::File { path, text } => write!(out, "write {path} ({} bytes)", text.len()),
            Self::Scratch { bytes, inodes, places, remains } => {
                match remains {
                    None => write!(out, "mount scratch tmpfs size={bytes} nr_inodes={inodes} at")?,
                    Some(_) => out.write_str("mount the scratch that was left at")?,
                }
                places.iter().try_for_each(|place| {
                    write!(out, " {}{}", place.target, if place.no_exec { "(noexec)" } else { "" })
                })
            }
            Self::Attach { slot, target, flags, .. } => {
                write!(out, "attach #{} {target} {flags}", slot.0)
            }
            Self::Proc { processes_only } => {
                let subset = if *processes_only { ",subset=pid" } else { "" };
                write!(out, "mount /proc nosuid,nodev,noexec,hidepid=invisible{subset}")
            }
            Self::Terminals { max } => {
                write!(out, "mount /dev/pts ro,nosuid,noexec,mode=0620,ptmxmode=0666,max={max}")
            }
            Self::Mask { path, .. } => write!(out, "mask {path}"),
            Self::FewWatches { instances, watches } => write!(
                out,
                "set user.max_inotify_instances {instances}, user.max_inotify_watches {watches}"
            ),
            rest => out.write_str(rest.fixed_text()),
        }?;
        if let Self::Landlock { writable, .. } = self {
            list(out, ", write below", writable)?;
        }
        if let Self::SyscallFilter { profile, program, audit } = self {
            let audit = if *audit { ", refusals to the audit log" } else { "" };
            write!(out, " {profile}, {} instructions{audit}", program.instructions().len())?;
        }
        Ok(())
    }
}

fn list(out: &mut fmt::Formatter<'_>, title: &str, paths: &[GuestPath]) -> fmt::Result {
    out.write_str(title)?;
    paths.iter().try_for_each(|path| write!(out, " {path}"))
}

impl Step {
    const fn fixed_text(&self) -> &'static str {
        match self {
            Self::OwnMounts => "enter a new mount namespace",
            Self::ReadOnlySysctls => "remount /proc/sys ro",
            Self::BootId { .. } => "cover /proc/sys/kernel/random/boot_id by a random one",
            Self::NoNestedUserns => "set user.max_user_namespaces 0",
            Self::HostName => "set host name sandbox",
            Self::Loopback => "bring lo up",
            Self::CgroupNamespace => "enter a new cgroup namespace",
            Self::OwnClocks => "enter a new time namespace at uptime 0",
            Self::CoreScheduling => "take a core scheduling cookie",
            Self::Enter => "pivot into the new root, detach the old",
            Self::Files { .. } => "put the request's files in place",
            Self::SealRoot => "remount / ro",
            Self::NoCoreDumps => "limit core dumps to 1 byte",
            Self::OomFirst => "set oom_score_adj 1000",
            Self::NotDumpable => "set not dumpable",
            Self::LockSecureBits => "lock securebits",
            Self::DropCapabilities => "drop all capabilities from all five sets",
            Self::NoNewPrivs => "set no_new_privs",
            Self::Landlock { .. } => "landlock: read below /",
            Self::SyscallFilter { .. } => "syscall filter",
            _ => "",
        }
    }
}

/// The name of a guest path below the root, for calls relative to the root's descriptor.
pub(crate) fn below_root(path: &GuestPath) -> &Path {
    path.as_path().strip_prefix("/").unwrap_or_else(|_| Path::new("."))
}
