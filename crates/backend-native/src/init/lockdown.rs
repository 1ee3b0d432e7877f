//! The steps that take rights away from init, and so from all that it starts.

use std::io;

use landlock::{
    ABI, Access, AccessFs, BitFlags, CompatLevel, Compatible, LandlockStatus, PathBeneath, PathFd,
    RestrictionStatus, Ruleset, RulesetAttr, RulesetCreatedAttr, RulesetError, Scope,
};
use policy::GuestPath;
use rustix::{
    process::{self, DumpableBehavior, Resource, Rlimit},
    thread::{self, CapabilitiesSecureBits, CapabilitySet, CapabilitySets, Gid, Uid},
};
use sys::seccomp::Instruction;

use crate::plan::Step;

/// Applies one of the steps that take a right away.
pub(super) fn apply(step: &Step) -> io::Result<()> {
    match step {
        Step::NoCoreDumps => no_core_dumps(),
        Step::NotDumpable => Ok(process::set_dumpable_behavior(DumpableBehavior::NotDumpable)?),
        Step::LockSecureBits => lock_secure_bits(),
        Step::DropCapabilities => drop_capabilities(),
        Step::NoNewPrivs => Ok(thread::set_no_new_privs(true)?),
        Step::SyscallFilter { program, .. } => {
            let instructions: Vec<_> = program
                .instructions()
                .iter()
                .map(|i| Instruction { code: i.code, jt: i.jt, jf: i.jf, k: i.k })
                .collect();
            sys::seccomp::install(&instructions)
        }
        _ => Err(rustix::io::Errno::NOSYS.into()),
    }
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

/// With a limit of zero a core pattern that is a pipe would still be run; with
/// one byte it is not. The filter keeps the limit from being changed.
fn no_core_dumps() -> io::Result<()> {
    let one = Rlimit { current: Some(1), maximum: Some(1) };
    Ok(process::setrlimit(Resource::Core, one)?)
}

fn lock_secure_bits() -> io::Result<()> {
    use CapabilitiesSecureBits as Bits;
    let bits = Bits::NO_ROOT
        | Bits::NO_ROOT_LOCKED
        | Bits::NO_SETUID_FIXUP
        | Bits::NO_SETUID_FIXUP_LOCKED
        | Bits::KEEP_CAPS_LOCKED
        | Bits::NO_CAP_AMBIENT_RAISE
        | Bits::NO_CAP_AMBIENT_RAISE_LOCKED;
    Ok(thread::set_capabilities_secure_bits(bits)?)
}

/// The highest capability number that a kernel may have: the sets are 64 bits wide.
const CAPABILITY_MAX: u32 = 63;

fn drop_capabilities() -> io::Result<()> {
    thread::clear_ambient_capability_set()?;
    for number in 0..=CAPABILITY_MAX {
        match thread::remove_capability_from_bounding_set(CapabilitySet::from_bits_retain(
            1 << number,
        )) {
            Ok(()) => {}
            // Past the last capability that this kernel knows.
            Err(rustix::io::Errno::INVAL) => break,
            Err(error) => return Err(error.into()),
        }
    }
    let none = CapabilitySets {
        effective: CapabilitySet::empty(),
        permitted: CapabilitySet::empty(),
        inheritable: CapabilitySet::empty(),
    };
    Ok(thread::set_capabilities(None, none)?)
}

/// The newest interface that this is written for.
const ABI_WANTED: ABI = ABI::V6;

/// Everything may be read and executed, little may be written: the mounts say
/// the same, and one of the two suffices.
///
/// Returns the version of the interface that was had.
pub(super) fn landlock(writable: &[GuestPath], devices: &[GuestPath]) -> io::Result<u8> {
    let all = AccessFs::from_all(ABI_WANTED);
    let below = all & !(AccessFs::MakeChar | AccessFs::MakeBlock);
    let device = AccessFs::ReadFile | AccessFs::WriteFile | AccessFs::IoctlDev;
    let read = AccessFs::Execute | AccessFs::ReadFile | AccessFs::ReadDir;
    let open = |path: &std::path::Path| PathFd::new(path).map_err(io::Error::other);
    let mut rules = vec![PathBeneath::new(open("/".as_ref())?, read)];
    for path in writable {
        rules.push(PathBeneath::new(open(path.as_path())?, below));
    }
    for path in devices {
        rules.push(PathBeneath::new(open(path.as_path())?, device));
    }
    let status = restrict(all, rules).map_err(io::Error::other)?;
    match status.landlock {
        LandlockStatus::Available { effective_abi, .. } => Ok(effective_abi as u8),
        _ => Err(rustix::io::Errno::OPNOTSUPP.into()),
    }
}

fn restrict(
    handled: BitFlags<AccessFs>,
    rules: Vec<PathBeneath<PathFd>>,
) -> Result<RestrictionStatus, RulesetError> {
    let mut ruleset = Ruleset::default()
        .set_compatibility(CompatLevel::BestEffort)
        .handle_access(handled)?
        .scope(Scope::from_all(ABI_WANTED))?
        .create()?;
    for rule in rules {
        ruleset = ruleset.add_rule(rule)?;
    }
    ruleset.restrict_self()
}
