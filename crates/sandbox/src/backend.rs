//! The traits.

use std::{
    fs::File,
    future::Future,
    os::fd::OwnedFd,
    path::{Path, PathBuf},
    pin::Pin,
};

use api::{Enforcement, Phase, Signal, Usage};
use policy::{HostSupport, Policy};

use crate::{Exit, LaunchError, Payload, SandboxError, SharedZygote, Template};

/// A future that a trait object returns.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// A mechanism that realises policies.
pub trait Backend: Send + Sync {
    /// Its name, as results report it.
    fn name(&self) -> &'static str;

    /// What this host can enforce through it, found out once and cheaply.
    fn support(&self) -> &HostSupport;

    /// Makes a sandbox in which the payload waits to be started.
    ///
    /// # Errors
    /// It could not be made as the policy has it. Nothing of the payload has
    /// run, and nothing is left behind.
    fn launch<'a>(
        &'a self,
        policy: &'a Policy,
        payload: Payload,
    ) -> BoxFuture<'a, Result<Box<dyn Sandbox>, LaunchError>>;

    /// Whether a sandbox that is to have shares is made differently from the start, so
    /// that one made for nobody in particular cannot be given any.
    fn shares_decide(&self) -> bool {
        false
    }

    /// Parks an interpreter from which sandboxes of this policy's mounts and
    /// network can be forked.
    ///
    /// # Errors
    /// It could not be started, or this backend cannot fork sandboxes.
    fn park<'a>(
        &'a self,
        _policy: &'a Policy,
        _template: Template,
    ) -> BoxFuture<'a, Result<SharedZygote, LaunchError>> {
        Box::pin(async { Err(LaunchError::CannotFork { detail: self.name().to_owned() }) })
    }
}

/// The host's ends of a payload's standard streams.
#[derive(Debug)]
pub struct Stdio {
    /// What is written here, the payload reads.
    pub stdin: OwnedFd,
    /// What the payload wrote to standard output.
    pub stdout: OwnedFd,
    /// What the payload wrote to standard error.
    pub stderr: OwnedFd,
}

/// A live sandbox. Dropping it kills and reaps every process in it.
pub trait Sandbox: Send {
    /// What is enforced, as measured from outside.
    fn enforcement(&self) -> &Enforcement;

    /// The streams; `None` after the first call.
    fn stdio(&mut self) -> Option<Stdio>;

    /// Starts the payload and waits for its end; then every other process in
    /// the sandbox is dead. May be dropped at any point and called again.
    ///
    /// # Errors
    /// The program cannot be run, or the sandbox was lost.
    fn run(&mut self) -> BoxFuture<'_, Result<Exit, SandboxError>>;

    /// Sends a signal to the process group that the step under way began with: its
    /// program, and those it started that have not left the group. Does not wait, and
    /// does not tell whether anybody was there to get it.
    ///
    /// # Errors
    /// The sandbox was lost, or takes no signals.
    fn signal(&self, _signal: Signal) -> Result<(), SandboxError> {
        Err(SandboxError::Lost { detail: "it takes no signals".to_owned() })
    }

    /// What was used up to now. Does not wait.
    fn usage(&self) -> Usage;

    /// The part of the run that is under way, or was when it ended or was killed.
    fn phase(&self) -> Phase {
        Phase::Run
    }

    /// Opens what a guest path, relative to the workspace, holds after the payload has
    /// ended, or was killed and its workspace outlived it: one file, or every file of a
    /// directory, `.` being all of the workspace. Each comes with its own path, which
    /// begins with the given one. Symbolic links are not followed; devices, pipes and
    /// sockets are left out.
    ///
    /// # Errors
    /// The path does not exist or leads out of the workspace, or there are too
    /// many files.
    fn open_files<'a>(
        &'a mut self,
        path: &'a Path,
    ) -> BoxFuture<'a, Result<Vec<(PathBuf, File)>, SandboxError>>;

    /// Kills every process of the sandbox and waits until all are gone.
    fn kill(&mut self);
}
