//! A sandbox that was forked and has not been used.

use std::{
    os::fd::OwnedFd,
    sync::Arc,
    time::{Duration, Instant},
};

use kernel::{Configuration, Hello, Kernel};
use policy::Policy;
use rustix::pipe::{PipeFlags, pipe_with};
use sandbox::{Forked, KernelEnds, LaunchError, LiveLimits};
use tokio::time::timeout;

use super::Order;

/// How long a forked kernel may take to say a word. It takes milliseconds; a machine
/// that is out of processors may need more.
const WORD_TIME_MAX: Duration = Duration::from_secs(20);

/// A sandbox that nobody has used, with its kernel.
pub(crate) struct Fresh {
    pub(crate) forked: Box<dyn Forked>,
    pub(crate) kernel: Kernel,
    /// What it reads from its standard input is written here, if it has one.
    pub(crate) stdin: Option<OwnedFd>,
    pub(crate) stdout: OwnedFd,
    pub(crate) stderr: OwnedFd,
    pub(crate) hello: Hello,
    /// What its zygote could not load.
    pub(crate) complaints: Arc<[String]>,
    /// Whether it was ready when it was asked for.
    pub(crate) was_ready: bool,
    pub(super) since: Instant,
}

/// A forked sandbox whose kernel did not get there.
pub(super) struct Unready {
    pub(super) forked: Box<dyn Forked>,
    pub(super) error: LaunchError,
}

/// Waits until the kernel of a forked sandbox is there.
pub(super) async fn make_ready(
    mut forked: Box<dyn Forked>,
    complaints: Arc<[String]>,
) -> Result<Fresh, Unready> {
    let (kernel, hello, [stdout, stderr]) = match meet(forked.as_mut()).await {
        Ok(met) => met,
        Err(error) => return Err(Unready { forked, error }),
    };
    let (was_ready, since) = (false, Instant::now());
    let stdin = None;
    Ok(Fresh { forked, kernel, stdin, stdout, stderr, hello, complaints, was_ready, since })
}

async fn meet(forked: &mut dyn Forked) -> Result<(Kernel, Hello, [OwnedFd; 2]), LaunchError> {
    let taken = || LaunchError::Lost { detail: "its channels were taken before".to_owned() };
    let KernelEnds { control, stdout, stderr } = forked.ends().ok_or_else(taken)?;
    let mut kernel = Kernel::new(control).map_err(lost)?;
    let hello = word(kernel.ready()).await?;
    Ok((kernel, hello, [stdout, stderr]))
}

impl Fresh {
    /// Gives it the limits, the shares and the env vars of the policy that it is to have.
    ///
    /// # Errors
    /// A limit cannot be set, a share cannot be had, or the kernel is gone.
    pub(super) async fn fit(&mut self, order: &Order, policy: &Policy) -> Result<(), LaunchError> {
        let limits = live_limits(policy);
        if limits != live_limits(&order.base) {
            self.forked.limit(&limits).map_err(lost)?;
        }
        let input = order.has_input.then(|| pipe_with(PipeFlags::CLOEXEC)).transpose();
        let (reader, writer) = input.map_err(lost)?.unzip();
        self.forked.furnish(policy, reader).await?;
        self.stdin = writer;
        let configuration = Configuration {
            env: policy.env_vars().clone(),
            directory: policy.workspace().to_string(),
            argv: None,
            output_bytes: None,
        };
        word(self.kernel.configure(&configuration)).await?;
        self.forked.check_sealed()
    }
}

async fn word(
    word: impl Future<Output = Result<Hello, kernel::KernelError>>,
) -> Result<Hello, LaunchError> {
    match timeout(WORD_TIME_MAX, word).await {
        Ok(word) => word.map_err(lost),
        Err(_) => Err(LaunchError::Lost { detail: "its kernel says nothing".to_owned() }),
    }
}

fn lost(error: impl std::fmt::Display) -> LaunchError {
    LaunchError::Lost { detail: error.to_string() }
}

const fn live_limits(policy: &Policy) -> LiveLimits {
    let limits = policy.limits();
    LiveLimits {
        memory_bytes: limits.memory_bytes,
        pids: limits.pids,
        cpu_millis: limits.cpu_millis,
        open_files: limits.open_files,
        file_size_bytes: limits.file_size_bytes,
    }
}
