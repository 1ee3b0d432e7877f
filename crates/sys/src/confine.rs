//! Rights that a process takes away from itself, as data.
//!
//! Each is one system call. [`Confinement::call`] gives it as numbers and bytes,
//! so that a process that does not run our code can make it as well;
//! [`Confinement::apply`] makes it here. What is lost is the same either way.

use std::{
    ffi::{c_int, c_long},
    io, mem,
    os::fd::{AsRawFd, BorrowedFd},
};

use crate::seccomp::Instruction;

/// A right to be given up, or a limit to be put on oneself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Confinement {
    /// The current cgroups become the root of what is shown.
    OwnCgroupRoot,
    /// No core runs others' code at one moment with what this process starts.
    OwnCores,
    /// No supplementary groups. Where an ordinary user made the user namespace
    /// they cannot be changed, which is tolerated: the report looks at the result.
    NoGroups,
    /// This group id in all places.
    Group(u32),
    /// This user id in all places.
    User(u32),
    /// Soft and hard limit of a resource, by its number.
    Limit(u32, u64, u64),
    /// These securebits.
    SecureBits(u32),
    /// No ambient capability.
    NoAmbient,
    /// A capability cannot be regained. Numbers that the kernel does not know are tolerated.
    NoBounding(u32),
    /// No capability.
    NoCapabilities,
    /// `execve` gives no rights.
    NoNewPrivs,
    /// Others of the same user may look at this process, or may not.
    Dumpable(bool),
    /// The Landlock ruleset behind the descriptor that is given with it.
    Landlock,
    /// Only these system calls; the host's audit log may have those that are refused.
    Filter {
        /// The program.
        instructions: Vec<Instruction>,
        /// Whether refusals are logged.
        log: bool,
    },
}

/// A system call as data.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    /// Its number.
    pub number: c_long,
    /// Its arguments.
    pub args: Vec<Arg>,
    /// An error that is as good as success.
    pub tolerated: Option<c_int>,
}

/// One argument.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Arg {
    /// A number.
    Number(u64),
    /// The address of these bytes.
    Bytes(Vec<u8>),
    /// The address of a `sock_fprog` of these instructions.
    Program(Vec<u8>),
    /// The number of the descriptor that is given with the call.
    Descriptor,
}

/// Version 3 header and data of `capset`.
const CAPABILITY_VERSION_3: u32 = 0x2008_0522;

impl Confinement {
    /// The call that does it.
    #[must_use]
    pub fn call(&self) -> Call {
        let number = |value: c_int| Arg::Number(u64::from(value.unsigned_abs()));
        let of = |number, args| Call { number, args, tolerated: None };
        let prctl = |option: c_int, rest: &[u64]| {
            let rest = rest.iter().copied().chain([0; 4]).take(4).map(Arg::Number);
            of(libc::SYS_prctl, [number(option)].into_iter().chain(rest).collect())
        };
        let thrice = |id: u32| vec![Arg::Number(id.into()); 3];
        match self {
            Self::OwnCgroupRoot => of(libc::SYS_unshare, vec![number(libc::CLONE_NEWCGROUP)]),
            Self::OwnCores => {
                let create = libc::PR_SCHED_CORE_CREATE.unsigned_abs().into();
                prctl(libc::PR_SCHED_CORE, &[create, 0, crate::core_scheduling::PROCESS])
            }
            Self::NoGroups => Call {
                tolerated: Some(libc::EPERM),
                ..of(libc::SYS_setgroups, vec![Arg::Number(0), Arg::Number(0)])
            },
            Self::Group(id) => of(libc::SYS_setresgid, thrice(*id)),
            Self::User(id) => of(libc::SYS_setresuid, thrice(*id)),
            Self::Limit(resource, soft, hard) => {
                let limit = [soft.to_ne_bytes(), hard.to_ne_bytes()].concat();
                let resource = Arg::Number((*resource).into());
                let args = vec![Arg::Number(0), resource, Arg::Bytes(limit), Arg::Number(0)];
                of(libc::SYS_prlimit64, args)
            }
            Self::SecureBits(bits) => prctl(libc::PR_SET_SECUREBITS, &[u64::from(*bits)]),
            Self::NoAmbient => {
                prctl(libc::PR_CAP_AMBIENT, &[libc::PR_CAP_AMBIENT_CLEAR_ALL.unsigned_abs().into()])
            }
            Self::NoBounding(capability) => Call {
                tolerated: Some(libc::EINVAL),
                ..prctl(libc::PR_CAPBSET_DROP, &[u64::from(*capability)])
            },
            Self::NoCapabilities => {
                let header = [CAPABILITY_VERSION_3.to_ne_bytes(), [0; 4]].concat();
                of(libc::SYS_capset, vec![Arg::Bytes(header), Arg::Bytes(vec![0; 24])])
            }
            Self::NoNewPrivs => prctl(libc::PR_SET_NO_NEW_PRIVS, &[1]),
            Self::Dumpable(is) => prctl(libc::PR_SET_DUMPABLE, &[u64::from(*is)]),
            Self::Landlock => {
                of(libc::SYS_landlock_restrict_self, vec![Arg::Descriptor, Arg::Number(0)])
            }
            Self::Filter { instructions, log } => {
                const SET_MODE_FILTER: u64 = 1;
                const FLAG_LOG: u64 = 2;
                let bytes = instructions.iter().flat_map(Instruction::bytes).collect();
                let flags = Arg::Number(if *log { FLAG_LOG } else { 0 });
                let args = vec![Arg::Number(SET_MODE_FILTER), flags, Arg::Program(bytes)];
                of(libc::SYS_seccomp, args)
            }
        }
    }

    /// Makes the call for this process.
    ///
    /// # Errors
    /// What the host kernel answered, unless it is tolerated.
    pub fn apply(&self, descriptor: Option<BorrowedFd<'_>>) -> io::Result<()> {
        let call = self.call();
        let programs = call.args.iter().map(Arg::program).collect::<Vec<_>>();
        let mut words: [c_long; 6] = [0; 6];
        for ((word, arg), program) in words.iter_mut().zip(&call.args).zip(&programs) {
            *word = match (arg, program) {
                (Arg::Number(number), _) => number.cast_signed(),
                (Arg::Bytes(bytes), _) => bytes.as_ptr().expose_provenance() as c_long,
                (Arg::Program(_), Some(program)) => {
                    std::ptr::from_ref(program).expose_provenance() as c_long
                }
                (Arg::Program(_), None) => return Err(io::ErrorKind::InvalidInput.into()),
                (Arg::Descriptor, _) => match descriptor {
                    Some(descriptor) => descriptor.as_raw_fd().into(),
                    None => return Err(io::ErrorKind::InvalidInput.into()),
                },
            };
        }
        let [a, b, c, d, e, f] = words;
        // SAFETY: the call is one of those above. Each reads at most the bytes that
        // an address among its arguments leads to, which `call` and `programs` hold
        // until it has returned, and none writes to memory of ours.
        let result = unsafe { libc::syscall(call.number, a, b, c, d, e, f) };
        match crate::checked(result) {
            Err(error) if error.raw_os_error() == call.tolerated => Ok(()),
            done => done.map(drop),
        }
    }
}

impl Arg {
    fn program(&self) -> Option<libc::sock_fprog> {
        let Self::Program(bytes) = self else { return None };
        let length = bytes.len() / mem::size_of::<Instruction>();
        let filter = bytes.as_ptr().cast_mut().cast();
        Some(libc::sock_fprog { len: u16::try_from(length).ok()?, filter })
    }
}

/// The version of Landlock's interface that the host kernel has.
///
/// # Errors
/// `ENOSYS` or `EOPNOTSUPP` where it has none.
pub fn landlock_version() -> io::Result<u8> {
    const VERSION: c_long = 1;
    // SAFETY: with this flag the call takes no address, and answers a number.
    let version = unsafe { libc::syscall(libc::SYS_landlock_create_ruleset, 0, 0, VERSION) };
    Ok(u8::try_from(crate::checked(version)?).unwrap_or(u8::MAX))
}
