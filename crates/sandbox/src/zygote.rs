//! Sandboxes forked from a parked interpreter: the warm path.
//!
//! A backend that can, keeps an interpreter with its packages imported, and
//! makes sandboxes by forking it. What comes out is as confined as what a launch
//! gives; only its program has started already and waits for what to do.

use std::{
    any::Any,
    os::fd::{BorrowedFd, OwnedFd},
    sync::Arc,
};

use api::{Enforcement, Usage};
use policy::Policy;

use crate::{
    BoxFuture, Command, Exit, FileEntry, LaunchError, Owner, Payload, Sandbox, SandboxError,
};

/// What is parked: a program that takes the part of a zygote when it is told to
/// on a descriptor, and the files that it is made of.
#[derive(Debug)]
pub struct Template {
    /// Whose it is, and whose all that is forked from it.
    pub owner: Owner,
    /// The program. The number of its control descriptor follows its arguments.
    pub command: Command,
    /// Its files, below the read-only place for code.
    pub files: Vec<FileEntry>,
}

/// A parked interpreter. Dropping it ends the interpreter; sandboxes that were
/// forked from it live on.
pub trait Zygote: Send + Sync {
    /// Forks a sandbox under a policy. Mounts, symlinks and network of the policy
    /// have to be those of the zygote's own. Nothing may run in it before it is
    /// [furnished](Forked::furnish) and [found sealed](Forked::check_sealed).
    ///
    /// With the remains of an earlier sandbox the new one takes over its files,
    /// its limits and its identity.
    ///
    /// # Errors
    /// It could not be made as the policy has it; nothing is left behind. The remains
    /// are where they were, unless something was made of them already.
    fn fork<'a>(
        &'a self,
        policy: &'a Policy,
        remains: &'a mut Option<Remains>,
    ) -> BoxFuture<'a, Result<Box<dyn Forked>, LaunchError>>;

    /// Whether it can still fork: it has not died.
    fn is_alive(&self) -> bool;

    /// What it could not load, a line each.
    fn complaints(&self) -> &[String];
}

/// What is left of a forked sandbox whose kernel is gone: its files, its cgroup
/// and its identity. Only the backend that made it can use it.
pub type Remains = Box<dyn Any + Send>;

/// The host's ends of a forked interpreter's channels.
#[derive(Debug)]
pub struct KernelEnds {
    /// The socket of the kernel protocol.
    pub control: OwnedFd,
    /// What the interpreter and its children write to standard output.
    pub stdout: OwnedFd,
    /// What they write to standard error.
    pub stderr: OwnedFd,
}

/// Limits that can be changed while a sandbox lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LiveLimits {
    /// Memory of all processes together, files in the workspace counted.
    pub memory_bytes: u64,
    /// Processes and threads at any one moment.
    pub pids: u64,
    /// Processor share, in thousandths of one processor; all there is if `None`.
    pub cpu_millis: Option<u64>,
    /// Descriptors that one process may hold.
    pub open_files: u64,
    /// Size of the largest file that may be written.
    pub file_size_bytes: u64,
}

/// A sandbox that was forked from a zygote: its first process is the interpreter.
/// Dropping it kills and reaps every process in it.
pub trait Forked: Send + Sync {
    /// What is enforced, as measured from outside.
    fn enforcement(&self) -> &Enforcement;

    /// The channels; `None` after the first call.
    fn ends(&mut self) -> Option<KernelEnds>;

    /// Shows what a policy shares beside the zygote's own mounts, and sends the
    /// interpreter its standard input, if it gets one, and what it needs to give its
    /// last right away: to write elsewhere than the policy says. It does so before it
    /// answers the next thing that it is asked. Once.
    ///
    /// # Errors
    /// A share cannot be had as the policy has it; the sandbox is of no use then.
    fn furnish<'a>(
        &'a mut self,
        policy: &'a Policy,
        stdin: Option<OwnedFd>,
    ) -> BoxFuture<'a, Result<(), LaunchError>>;

    /// Makes sure that the interpreter, which has answered since, has given its last
    /// right away.
    ///
    /// # Errors
    /// It has not.
    fn check_sealed(&mut self) -> Result<(), LaunchError>;

    /// Changes limits. Nothing is changed where one cannot be.
    ///
    /// # Errors
    /// The host kernel refused one, or did not take it.
    fn limit(&mut self, limits: &LiveLimits) -> Result<(), SandboxError>;

    /// Sends the interpreter the signal of an interrupt from the keyboard.
    fn interrupt(&self);

    /// Waits until the interpreter has ended, and with it everything in the sandbox.
    fn ended(&self) -> BoxFuture<'_, Exit>;

    /// Waits until a process of the sandbox is killed for want of memory while the
    /// others live on; for ever where the host kernel kills all of them together.
    fn memory_ran_out(&self) -> BoxFuture<'_, ()>;

    /// Whether a process of the sandbox was killed for want of memory since it began.
    fn was_out_of_memory(&self) -> bool;

    /// What was used since the sandbox began.
    fn usage(&self) -> Usage;

    /// Makes a further sandbox inside: it sees the same files, is under the same
    /// limits, and has processes of its own. It ends with this one.
    ///
    /// # Errors
    /// It could not be made; the sandbox goes on without it.
    fn enter<'a>(
        &'a self,
        policy: &'a Policy,
        payload: Payload,
    ) -> BoxFuture<'a, Result<Box<dyn Sandbox>, LaunchError>>;

    /// The workspace's directory, for looking only: what is in it is hostile.
    fn workspace(&self) -> Option<BorrowedFd<'_>>;

    /// Kills every process of the sandbox and waits until all are gone.
    fn kill(&mut self);

    /// Kills every process, and keeps what a new kernel can take over.
    fn into_remains(self: Box<Self>) -> Remains;
}

/// A zygote that may be shared.
pub type SharedZygote = Arc<dyn Zygote>;
