//! The steps that take rights away from a process, and so from all that it starts.
//!
//! What a step does is said as data by [`lower`], for whoever makes the calls:
//! init for itself, or an interpreter that was forked and does not run our code.

use std::{io, os::fd::OwnedFd, path::Path};

use landlock::{
    ABI, Access, AccessFs, BitFlags, CompatLevel, Compatible, LandlockStatus, PathBeneath, Ruleset,
    RulesetAttr, RulesetCreated, RulesetCreatedAttr, RulesetError, Scope,
};
use policy::GuestPath;
use rustix::{
    fs::{self, CWD, Mode, OFlags, ResolveFlags},
    io::Errno,
    process::{self, DumpableBehavior, Resource},
    thread::{self, CapabilitiesSecureBits, CapabilitySets, Gid, Uid},
};
use sys::{confine::Confinement, seccomp::Instruction};

use crate::plan::{Rlimits, Step};

/// Applies one of the steps that take a right away.
pub(super) fn apply(step: &Step) -> io::Result<()> {
    let confinements = lower(step).ok_or(Errno::NOSYS)?;
    confinements.iter().try_for_each(|confinement| confinement.apply(None))
}

/// What a step takes away, in order; `None` for a step that does not.
pub(super) fn lower(step: &Step) -> Option<Vec<Confinement>> {
    Some(match step {
        Step::CoreScheduling => vec![Confinement::OwnCores],
        // With a limit of zero a core pattern that is a pipe would still be run; with
        // one byte it is not. The filter keeps the limit from being changed.
        Step::NoCoreDumps => vec![limit(Resource::Core, 1, 1)],
        Step::NotDumpable => vec![Confinement::Dumpable(false)],
        Step::LockSecureBits => vec![Confinement::SecureBits(secure_bits().bits())],
        Step::DropCapabilities => [Confinement::NoAmbient]
            .into_iter()
            .chain((0..=CAPABILITY_MAX).map(Confinement::NoBounding))
            .chain([Confinement::NoCapabilities])
            .collect(),
        Step::NoNewPrivs => vec![Confinement::NoNewPrivs],
        Step::SyscallFilter { program, audit, .. } => {
            let instructions = program.instructions().iter();
            let instructions =
                instructions.map(|i| Instruction { code: i.code, jt: i.jt, jf: i.jf, k: i.k });
            vec![Confinement::Filter { instructions: instructions.collect(), log: *audit }]
        }
        _ => return None,
    })
}

/// Becomes the sandbox's user. Capabilities over our own namespaces are kept for
/// the rest of the set-up.
pub(super) fn become_user(uid: u32, gid: u32) -> io::Result<()> {
    let (uid, gid) = (Uid::from_raw(uid), Gid::from_raw(gid));
    let before = thread::capabilities(None)?;
    thread::set_keep_capabilities(true)?;
    // Where an ordinary user made the namespace, groups cannot be changed; the
    // report of what is enforced looks at the result.
    let _ = thread::set_thread_groups(&[]);
    thread::set_thread_res_gid(gid, gid, gid)?;
    thread::set_thread_res_uid(uid, uid, uid)?;
    let kept = thread::capabilities(None)?;
    thread::set_capabilities(None, CapabilitySets { effective: before.effective, ..kept })?;
    // The change made our own files in /proc root's; some are written to below.
    process::set_dumpable_behavior(DumpableBehavior::Dumpable)?;
    Ok(process::set_parent_process_death_signal(Some(process::Signal::KILL))?)
}

fn secure_bits() -> CapabilitiesSecureBits {
    use CapabilitiesSecureBits as Bits;
    Bits::NO_ROOT
        | Bits::NO_ROOT_LOCKED
        | Bits::NO_SETUID_FIXUP
        | Bits::NO_SETUID_FIXUP_LOCKED
        | Bits::KEEP_CAPS_LOCKED
        | Bits::NO_CAP_AMBIENT_RAISE
        | Bits::NO_CAP_AMBIENT_RAISE_LOCKED
}

/// The highest capability number that a kernel may know: each one past its last
/// is an error that is tolerated.
const CAPABILITY_MAX: u32 = 47;

/// Locked memory, and things that nobody has asked for, of one process.
const LOCKED_BYTES: u64 = 64 * 1024;
const PENDING_SIGNALS: u64 = 512;
const STACK_BYTES: (u64, u64) = (8 << 20, 64 << 20);

/// The limits of each process.
pub(super) fn limits(rlimits: &Rlimits) -> Vec<Confinement> {
    let both = |resource, value| limit(resource, value, value);
    let fixed = [
        both(Resource::Nofile, rlimits.open_files),
        both(Resource::Fsize, rlimits.file_size_bytes),
        both(Resource::Nproc, rlimits.processes),
        both(Resource::Memlock, LOCKED_BYTES),
        both(Resource::Msgqueue, 0),
        both(Resource::Sigpending, PENDING_SIGNALS),
        both(Resource::Rtprio, 0),
        both(Resource::Nice, 0),
        limit(Resource::Stack, STACK_BYTES.0, STACK_BYTES.1),
    ];
    // The signal of the lower one tells a limit reached from any other kill.
    let cpu = rlimits.cpu_seconds.map(|seconds| limit(Resource::Cpu, seconds, seconds + 1));
    let data = rlimits.data_bytes.map(|bytes| both(Resource::Data, bytes));
    fixed.into_iter().chain(cpu).chain(data).collect()
}

/// The only limit of a zygote, where no cgroup bounds memory. What is forked from it
/// may have a higher one.
pub(super) fn zygote_limit(rlimits: &Rlimits) -> Option<Confinement> {
    rlimits.data_bytes.map(|bytes| limit(Resource::Data, bytes, u64::MAX))
}

/// A limit, or the one that is lower already: it cannot be raised.
fn limit(resource: Resource, soft: u64, hard: u64) -> Confinement {
    let ceiling = process::getrlimit(resource).maximum.unwrap_or(u64::MAX);
    Confinement::Limit(resource as u32, soft.min(ceiling), hard.min(ceiling))
}

/// The newest interface that this is written for.
const ABI_WANTED: ABI = ABI::V6;

/// Everything may be read and executed, little may be written: the mounts say
/// the same, and one of the two suffices.
///
/// Returns the version of the interface that was had.
pub(super) fn landlock(writable: &[GuestPath], devices: &[GuestPath]) -> io::Result<u8> {
    // A step of its own has set it; nothing may hang on it here.
    let ruleset = ruleset(writable, devices)?.no_new_privs(false);
    let status = ruleset.restrict_self().map_err(io::Error::other)?;
    match status.landlock {
        LandlockStatus::Available { effective_abi, .. } => Ok(effective_abi as u8),
        _ => Err(Errno::OPNOTSUPP.into()),
    }
}

/// The same rules, for another process to put on itself.
pub(super) fn landlock_rules(
    writable: &[GuestPath],
    devices: &[GuestPath],
) -> io::Result<(OwnedFd, u8)> {
    let rules: Option<OwnedFd> = ruleset(writable, devices)?.into();
    let abi = sys::confine::landlock_version()?;
    match rules {
        Some(rules) => Ok((rules, abi)),
        None => Err(Errno::OPNOTSUPP.into()),
    }
}

fn ruleset(writable: &[GuestPath], devices: &[GuestPath]) -> io::Result<RulesetCreated> {
    let all = AccessFs::from_all(ABI_WANTED);
    let below = all & !(AccessFs::MakeChar | AccessFs::MakeBlock);
    let device = AccessFs::ReadFile | AccessFs::WriteFile | AccessFs::IoctlDev;
    let read = AccessFs::Execute | AccessFs::ReadFile | AccessFs::ReadDir;
    let mut rules = vec![PathBeneath::new(open("/".as_ref())?, read)];
    let writable = writable.iter().map(|path| (path, below));
    for (path, access) in writable.chain(devices.iter().map(|path| (path, device))) {
        match open(path.as_path()) {
            Ok(place) => rules.push(PathBeneath::new(place, access)),
            // Programs have moved it away meanwhile, and get no right to what is there now.
            Err(Errno::NOENT | Errno::LOOP | Errno::NOTDIR) => {}
            Err(error) => return Err(error.into()),
        }
    }
    with_rules(all, rules).map_err(io::Error::other)
}

/// Opens a place of a rule. Where there are programs already, links may be theirs.
fn open(path: &Path) -> Result<OwnedFd, Errno> {
    let flags = OFlags::PATH | OFlags::CLOEXEC;
    fs::openat2(CWD, path, flags, Mode::empty(), ResolveFlags::NO_SYMLINKS)
}

fn with_rules(
    handled: BitFlags<AccessFs>,
    rules: Vec<PathBeneath<OwnedFd>>,
) -> Result<RulesetCreated, RulesetError> {
    let mut ruleset = Ruleset::default()
        .set_compatibility(CompatLevel::BestEffort)
        .handle_access(handled)?
        .scope(Scope::from_all(ABI_WANTED))?
        .create()?;
    for rule in rules {
        ruleset = ruleset.add_rule(rule)?;
    }
    Ok(ruleset)
}
