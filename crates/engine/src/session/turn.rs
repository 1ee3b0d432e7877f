//! A turn: code for a session's kernel.

use std::{
    sync::{Arc, atomic::Ordering},
    time::{Duration, Instant},
};

use ::kernel::{InputSource, KernelError};
use api::{
    CapturedStream, Completion, Digests, Event, Inspection, Outcome, TurnId, TurnRequest,
    TurnResult, Usage,
};
use policy::Limits;
use sandbox::{Forked, LaunchError};
use tokio::sync::{MutexGuard, watch};

use super::{
    Inner, Session, SessionError, TURNS_WAITING_MAX,
    change::{Snapshot, changes},
    live::{Live, Turns},
    settle::{Settled, settle},
    signals::Said,
    tap::Taps,
    tools::Tools,
    turning::{Terms, Turning},
};
use crate::{
    Asker, Cancel, EventSink, RunError,
    account::{Entry, Subject, digest},
};

/// How long a kernel may take for what it is asked while somebody types.
const SHORT_TIME_MAX: Duration = Duration::from_secs(5);

/// The session's turns, and what is said to this one.
pub(super) type Turn<'a> = (MutexGuard<'a, Turns>, watch::Receiver<Said>);

/// What connects a turn with whoever asked for it.
pub struct TurnIo<'a> {
    /// Where its events go.
    pub events: &'a mut dyn EventSink,
    /// Interrupts it.
    pub cancel: Cancel,
    /// Answers code that asks for input, where the request allows that.
    pub input: &'a mut dyn InputSource,
    /// How long it may take; as long as the session's policy has it if left out or longer.
    pub wall_time: Option<Duration>,
    /// On whose account it goes.
    pub asker: Asker,
}

/// What is known of a turn before its files are looked at.
struct Facts {
    settled: Settled,
    stdout: CapturedStream,
    stderr: CapturedStream,
    collector: ::kernel::Collector,
    usage: Usage,
}

impl Session {
    /// Runs code in the kernel. One turn is under way at a time; others wait in line,
    /// and their time begins when they do.
    ///
    /// # Errors
    /// The session is closed, too many wait, or there is no kernel to be had. Whatever
    /// the code does is an outcome, not an error. With either, and if this is dropped,
    /// the session works on.
    pub async fn turn(
        &self,
        request: &TurnRequest,
        io: TurnIo<'_>,
    ) -> Result<TurnResult, SessionError> {
        let inner = &self.inner;
        let _active = inner.begin()?;
        let line = tokio::select! {
            biased;
            line = inner.in_line() => Some(line?),
            () = io.cancel.cancelled() => None,
        };
        let Some((mut turns, said)) = line else {
            return inner.take_back(request, &io.asker).await;
        };
        let tools = inner.ready(&mut turns).await?;
        let turn_id = TurnId::generate();
        let entry = inner.open(turn_id, request, &io.asker).await?;
        let left = Left::new(inner);
        let before = inner.snapshot().await;
        io.events.event(Event::TurnStarted { turn_id });
        let driven = inner.drive(&mut turns, request, io, (&tools, said)).await;
        let mut facts = match driven {
            Ok(facts) => facts,
            Err(error) => {
                entry.fail(error.body()).await;
                return Err(error);
            }
        };
        if !facts.settled.is_kept {
            // Where there is none to be had now, the next turn tries again.
            let _ = inner.replace(&mut turns).await;
        }
        let after = inner.snapshot().await;
        let files = inner.changes(before, after).await;
        left.well();
        inner.turns_done.fetch_add(1, Ordering::Relaxed);
        let result = TurnResult {
            turn_id,
            outcome: facts.settled.outcome,
            stdout: facts.stdout,
            stderr: facts.stderr,
            displays: facts.collector.take_displays(),
            result: facts.collector.take_result(),
            exception: facts.collector.take_exception(),
            execution_count: facts.settled.count,
            files,
            usage: facts.usage,
            state_lost: std::mem::take(&mut turns.is_lost),
            detail: facts.settled.detail,
        };
        entry.close_turn(&result).await.map_err(RunError::from)?;
        Ok(result)
    }

    /// How code can go on after that many characters. Waits for the turn under way.
    ///
    /// # Errors
    /// As of [`Session::turn`], or it takes too long.
    pub async fn complete(&self, code: &str, cursor: usize) -> Result<Completion, SessionError> {
        let _active = self.inner.begin()?;
        let (mut turns, _) = self.inner.in_line().await?;
        self.inner.ready(&mut turns).await?;
        let left = Left::new(&self.inner);
        let live = turns.live()?;
        let answer = Inner::short(live.kernel.complete(code, cursor), SHORT_TIME_MAX).await;
        left.unless_failed(&answer);
        Ok(answer?)
    }

    /// What is known of the name at that many characters. Waits for the turn under way.
    ///
    /// # Errors
    /// As of [`Session::turn`], or it takes too long.
    pub async fn inspect(
        &self,
        code: &str,
        cursor: usize,
        detail: bool,
    ) -> Result<Inspection, SessionError> {
        let _active = self.inner.begin()?;
        let (mut turns, _) = self.inner.in_line().await?;
        self.inner.ready(&mut turns).await?;
        let left = Left::new(&self.inner);
        let live = turns.live()?;
        let answer = Inner::short(live.kernel.inspect(code, cursor, detail), SHORT_TIME_MAX).await;
        left.unless_failed(&answer);
        Ok(answer?)
    }
}

impl Turns {
    pub(super) fn live(&mut self) -> Result<&mut Live, RunError> {
        let gone = || RunError::Lost { detail: "the session has no kernel".to_owned() };
        self.live.as_mut().ok_or_else(gone)
    }
}

impl Inner {
    /// Waits until no other turn is under way, in a line of bounded length. Gives what is
    /// said from then on, too: nothing that is meant for this turn is missed.
    pub(super) async fn in_line(&self) -> Result<Turn<'_>, SessionError> {
        if let Ok(turns) = self.turns.try_lock()
            && let Some(turn) = self.begun(turns)?
        {
            return Ok(turn);
        }
        let full = |_| SessionError::TurnsWaiting { maximum: TURNS_WAITING_MAX };
        let _place = self.waiting.try_acquire().map_err(full)?;
        loop {
            let turns = self.turns.lock().await;
            if let Some(turn) = self.begun(turns)? {
                return Ok(turn);
            }
            tokio::task::yield_now().await;
        }
    }

    /// `None` where somebody is to go first.
    fn begun<'a>(&self, turns: MutexGuard<'a, Turns>) -> Result<Option<Turn<'a>>, SessionError> {
        let said = self.signals.listen();
        match self.activity.closed() {
            Some(reason) => Err(SessionError::Closed { reason }),
            None => Ok((!self.signals.is_wanted()).then_some((turns, said))),
        }
    }

    /// Stops the turn under way, and goes before those that wait.
    pub(super) async fn first_in_line(&self) -> Result<MutexGuard<'_, Turns>, SessionError> {
        let _wanted = self.signals.want();
        self.signals.stop();
        let turns = self.turns.lock().await;
        match self.activity.closed() {
            Some(reason) => Err(SessionError::Closed { reason }),
            None => Ok(turns),
        }
    }

    /// Opens the account of a turn.
    async fn open(
        &self,
        turn_id: TurnId,
        request: &TurnRequest,
        asker: &Asker,
    ) -> Result<Entry, RunError> {
        let subject = Subject::Turn(turn_id, self.id);
        let frame = &self.sandboxed.frame;
        let records = self.core.records.as_ref();
        let mut entry = Entry::new(records, subject, asker, Some(&frame.environment));
        if records.is_some() {
            let digests = Digests {
                code: digest([request.code.as_str()]),
                policy: frame.policy_digest.clone(),
                environment: frame.digest.clone(),
            };
            entry.open(&digests).await?;
        }
        Ok(entry)
    }

    /// What is told of a turn that was cancelled before its turn came.
    async fn take_back(
        &self,
        request: &TurnRequest,
        asker: &Asker,
    ) -> Result<TurnResult, SessionError> {
        let turn_id = TurnId::generate();
        let entry = self.open(turn_id, request, asker).await?;
        let result = TurnResult {
            turn_id,
            outcome: Outcome::Cancelled,
            stdout: CapturedStream::default(),
            stderr: CapturedStream::default(),
            displays: Vec::new(),
            result: None,
            exception: None,
            execution_count: None,
            files: Vec::new(),
            usage: Usage::default(),
            state_lost: false,
            detail: Some("it was cancelled before it began".to_owned()),
        };
        entry.close_turn(&result).await.map_err(RunError::from)?;
        Ok(result)
    }

    async fn drive(
        &self,
        turns: &mut Turns,
        request: &TurnRequest,
        io: TurnIo<'_>,
        (tools, said): (&Tools, watch::Receiver<Said>),
    ) -> Result<Facts, SessionError> {
        let present = self.sandboxed.present().await;
        let gone = || LaunchError::Lost { detail: "the session's sandbox is gone".to_owned() };
        let forked: &dyn Forked = present.as_deref().ok_or_else(gone).map_err(RunError::from)?;
        let Live { kernel, stdout, stderr, .. } = turns.live()?;
        let limits = self.limits(io.wall_time);
        let usage_before = forked.usage();
        let taps = Taps::new(stdout, stderr, limits.output_bytes);
        let terms = Terms {
            limits: &limits,
            grace: self.core.config.warm.interrupt_grace,
            cancel: &io.cancel,
            said,
            tools,
            cpu_before_ms: usage_before.cpu_time_ms.unwrap_or(0),
        };
        let began = Instant::now();
        let begun = match kernel.begin(request) {
            Err(error) if error.leaves_kernel_usable() => return Err(error.into()),
            begun => begun,
        };
        let mut turning = Turning::new(kernel, taps, forked, io.events, terms);
        let end = match begun {
            Ok(()) => turning.finish_off(io.input).await,
            Err(error) => turning.unasked(error).await,
        };
        let usage = used(&usage_before, forked.usage(), began.elapsed());
        let settled = settle(&end, turning.stop);
        let (collector, stdout, stderr) = turning.finish();
        Ok(Facts { settled, stdout, stderr, collector, usage })
    }

    /// What a turn may take.
    fn limits(&self, wall_time: Option<Duration>) -> Limits {
        let mut limits = self.sandboxed.frame.policy.limits().clone();
        limits.wall_time = wall_time.unwrap_or(limits.wall_time).min(limits.wall_time);
        limits
    }

    /// The files of the workspace as they are now.
    pub(super) async fn snapshot(&self) -> Snapshot {
        let present = self.sandboxed.present().await;
        present
            .as_ref()
            .and_then(|forked| forked.workspace())
            .map(Snapshot::take)
            .unwrap_or_default()
    }

    /// What became of the files from one moment to another.
    pub(super) async fn changes(&self, before: Snapshot, after: Snapshot) -> Vec<api::FileChange> {
        let present = self.sandboxed.present().await;
        let workspace = present.as_ref().and_then(|forked| forked.workspace());
        changes(&before, &after, workspace)
    }
}

fn used(before: &Usage, now: Usage, wall: Duration) -> Usage {
    let spent = |now: u64| now.saturating_sub(before.cpu_time_ms.unwrap_or(0));
    Usage {
        wall_time_ms: u64::try_from(wall.as_millis()).unwrap_or(u64::MAX),
        cpu_time_ms: now.cpu_time_ms.map(spent),
        ..now
    }
}

/// Has a kernel seen to whose caller went away in the middle.
struct Left<'a> {
    inner: &'a Arc<Inner>,
    is_well: bool,
}

impl<'a> Left<'a> {
    const fn new(inner: &'a Arc<Inner>) -> Self {
        Self { inner, is_well: false }
    }

    fn well(mut self) {
        self.is_well = true;
    }

    fn unless_failed<T>(mut self, answer: &Result<T, KernelError>) {
        self.is_well = match answer {
            Ok(_) => true,
            Err(error) => error.leaves_kernel_usable(),
        };
    }
}

impl Drop for Left<'_> {
    fn drop(&mut self) {
        if self.is_well || self.inner.activity.closed().is_some() {
            return;
        }
        // Whoever comes next does it where nobody can now.
        let Ok(runtime) = tokio::runtime::Handle::try_current() else { return };
        let inner = Arc::clone(self.inner);
        runtime.spawn(async move {
            let mut turns = inner.turns.lock().await;
            if inner.activity.closed().is_none() {
                let _ = inner.recover(&mut turns).await;
            }
        });
    }
}
