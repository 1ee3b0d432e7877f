//! A session's kernel between turns: that it is there, and what to do if it is not.

use std::{io, time::Duration};

use kernel::{Kernel, ToolReply};
use sandbox::{Forked, LaunchError};
use tokio::time::{Instant, timeout, timeout_at};

use super::{CloseReason, Frame, Inner, SessionError, tap::Taps, turning::BEGIN_TIME};
use crate::{RunError, blocking::in_place, pipe::Pipe, warm::Fresh};

/// How long the way in which a kernel ended may take to be known once its socket is
/// closed.
pub(super) const END_TIME_MAX: Duration = Duration::from_millis(500);

/// What whoever has the session's turns knows.
pub(super) struct Turns {
    /// `None` where there is no kernel.
    pub(super) live: Option<Live>,
    /// Whether the kernel was replaced, and nobody has been told.
    pub(super) is_lost: bool,
}

/// The channels of a kernel.
pub(super) struct Live {
    pub(super) kernel: Kernel,
    pub(super) stdout: Pipe,
    pub(super) stderr: Pipe,
    /// Which of the session's tools it was told of last; none at first.
    pub(super) tools_version: u64,
}

impl Turns {
    /// Takes a fresh sandbox apart.
    pub(super) fn new(fresh: Fresh) -> Result<(Box<dyn Forked>, Self), RunError> {
        let (forked, live) = Live::new(fresh)?;
        Ok((forked, Self { live: Some(live), is_lost: false }))
    }
}

impl Live {
    fn new(fresh: Fresh) -> Result<(Box<dyn Forked>, Self), RunError> {
        let pipe = |stream, descriptor| {
            let failed = |source: io::Error| RunError::Stream { stream, source };
            Pipe::reader(descriptor).map_err(failed)
        };
        let stdout = pipe("standard output", fresh.stdout)?;
        let stderr = pipe("standard error", fresh.stderr)?;
        Ok((fresh.forked, Self { kernel: fresh.kernel, stdout, stderr, tools_version: 0 }))
    }

    /// Waits until a kernel that was left in the middle of something is idle.
    async fn settle_down(&mut self) -> Result<(), kernel::KernelError> {
        let mut taps = Taps::discarding(&self.stdout, &self.stderr);
        let mut nobody = Ignored;
        while !self.kernel.is_idle() {
            // Code may wait for its threads, and they for what they have called.
            self.kernel.refuse_calls(&ToolReply::cancelled())?;
            tokio::select! {
                biased;
                event = self.kernel.next() => drop(event?),
                () = taps.read(&mut nobody) => {}
            }
        }
        taps.drain(&mut nobody);
        Ok(())
    }
}

/// Nobody is there to hear it.
struct Ignored;

impl crate::EventSink for Ignored {
    fn event(&mut self, _: api::Event<'_>) {}
}

impl Inner {
    /// Makes sure that there is an idle kernel. One that was left in the middle of
    /// something gets the chance to obey an interrupt.
    pub(super) async fn recover(&self, turns: &mut Turns) -> Result<(), RunError> {
        if let Some(live) = &mut turns.live {
            if !live.kernel.is_idle() {
                let present = self.sandboxed.present().await;
                if let Some(forked) = present.as_ref() {
                    let settled = async {
                        // Code that has not begun yet takes no interrupt.
                        while {
                            forked.interrupt();
                            timeout(BEGIN_TIME, live.settle_down()).await.is_err()
                        } {}
                    };
                    let _ = timeout(self.core.config.warm.interrupt_grace, settled).await;
                }
            }
            if live.kernel.check_idle().is_ok() {
                return Ok(());
            }
        }
        self.replace(turns).await
    }

    /// Has another kernel take over the files where the last one has ended and no turn has
    /// seen to it: everything else in the sandbox ended with it.
    pub(super) async fn revive(&self) -> Result<(), SessionError> {
        if !self.sandboxed.has_ended().await {
            return Ok(());
        }
        let (mut turns, _) = self.in_line().await?;
        if self.sandboxed.has_ended().await {
            self.replace(&mut turns).await?;
        }
        Ok(())
    }

    /// Has another kernel take over the files. Once begun it goes on without whoever waits
    /// for it: what it holds meanwhile is not lost because a client went away.
    pub(super) async fn replace(&self, turns: &mut Turns) -> Result<(), RunError> {
        turns.live = None;
        turns.is_lost = true;
        let lost = |detail: String| RunError::Lost { detail };
        let inner = self.this.upgrade().ok_or_else(|| lost("the session is gone".to_owned()))?;
        let heir = tokio::spawn(async move { inner.succeed().await }).await;
        let broken = |error| lost(format!("its sandbox was not replaced: {error}"));
        turns.live = Some(heir.map_err(broken)??);
        Ok(())
    }

    /// Puts another sandbox in the place of the last. Where that fails the files wait for the
    /// next who wants one; where they are lost, so is the session: nobody is to find an empty
    /// workspace in place of theirs.
    async fn succeed(&self) -> Result<Live, RunError> {
        // Held until there is a new one: who enters waits for it.
        let mut place = self.sandboxed.place().await;
        let Frame { order, policy, .. } = &self.sandboxed.frame;
        let mut remains = match place.take() {
            Some(forked) => Some(in_place(|| forked.into_remains())),
            None => self.sandboxed.remains().take(),
        };
        let fresh = match remains {
            Some(_) => self.core.warm.succeed(order, policy, &mut remains).await,
            None => Err(LaunchError::Lost { detail: "nothing is left of its sandbox".to_owned() }),
        };
        match fresh.map_err(RunError::from).and_then(Live::new) {
            Ok((forked, live)) => {
                *place = Some(forked);
                Ok(live)
            }
            Err(error) => {
                if remains.is_none() {
                    self.activity.close(CloseReason::Lost);
                }
                *self.sandboxed.remains() = remains;
                Err(error)
            }
        }
    }

    /// Waits for an idle kernel's answer to a short question; leaves the kernel to be
    /// recovered if it takes too long.
    pub(super) async fn short<T>(
        answer: impl Future<Output = Result<T, kernel::KernelError>>,
        time: Duration,
    ) -> Result<T, kernel::KernelError> {
        let late = kernel::KernelError::Late;
        timeout_at(Instant::now() + time, answer).await.unwrap_or(Err(late))
    }
}
