//! Carries a turn from its start to its end: frames and output out, input in, clocks
//! watched, the callers' words heard. Gives facts; what they mean is not said here.
//!
//! Everything happens on the caller's task: nothing is spawned.

use std::{
    future::pending, num::NonZero, pin::Pin, sync::OnceLock, thread::available_parallelism,
    time::Duration,
};

use ::kernel::{
    Collector, InputSource, Kernel, KernelError, TurnEvent, TurnSink, machine::Event as KernelEvent,
};
use api::{CapturedStream, Event, InputReply, InputRequest, TimeLimit};
use policy::Limits;
use sandbox::{BoxFuture, Exit, Forked};
use tokio::{
    sync::watch,
    time::{Instant, sleep_until, timeout},
};

use super::{
    calls::Calls,
    live::END_TIME_MAX,
    settle::{End, Stop},
    signals::Said,
    tap::Taps,
    tools::Tools,
};
use crate::{Cancel, EventSink};

/// The shortest time between two looks at the processor time; see `drive`.
const CPU_LOOK_MIN: Duration = Duration::from_millis(5);
/// The longest sleep: past it the clock's arithmetic is not worth trusting.
const SLEEP_MAX: Duration = Duration::from_secs(365 * 24 * 3600);

/// How long a kernel may take to begin with its code.
pub(super) const BEGIN_TIME: Duration = Duration::from_millis(100);

/// What a turn may take, and who may say something to it.
pub(super) struct Terms<'a> {
    pub(super) limits: &'a Limits,
    /// How long it may take to obey.
    pub(super) grace: Duration,
    pub(super) cancel: &'a Cancel,
    pub(super) said: watch::Receiver<Said>,
    pub(super) tools: &'a Tools,
    /// Processor time that the sandbox had used before, in milliseconds.
    pub(super) cpu_before_ms: u64,
}

/// A turn that was begun.
pub(super) struct Turning<'a> {
    kernel: &'a mut Kernel,
    taps: Taps<'a>,
    forked: &'a dyn Forked,
    events: &'a mut dyn EventSink,
    terms: Terms<'a>,
    collector: Collector,
    calls: Calls<'a>,
    pub(super) stop: Option<Stop>,
    cancelled: Option<Pin<Box<dyn Future<Output = ()> + Send + 'a>>>,
    ended: BoxFuture<'a, Exit>,
    heard: Said,
    deadline: Instant,
    look_at: Option<Instant>,
    kill_at: Option<Instant>,
    /// When to interrupt again, because the code may not have begun when it was.
    again_at: Option<Instant>,
    began: Instant,
}

/// What a step of a turn has brought.
enum Step {
    Going,
    Asked(InputRequest),
    Replied(InputReply),
    Over(End),
}

impl<'a> Turning<'a> {
    pub(super) fn new(
        kernel: &'a mut Kernel,
        taps: Taps<'a>,
        forked: &'a dyn Forked,
        events: &'a mut dyn EventSink,
        terms: Terms<'a>,
    ) -> Self {
        let now = Instant::now();
        let limits = terms.limits;
        let heard = *terms.said.borrow();
        let look = |limit: Duration| now + look_after(limit);
        Self {
            collector: Collector::new(),
            calls: Calls::new(terms.tools),
            stop: None,
            cancelled: Some(Box::pin(terms.cancel.cancelled())),
            ended: forked.ended(),
            heard,
            deadline: now + limits.wall_time.min(SLEEP_MAX),
            look_at: limits.cpu_time.map(look),
            kill_at: None,
            again_at: None,
            began: now,
            kernel,
            taps,
            forked,
            events,
            terms,
        }
    }

    /// Stays with the turn until it is over.
    pub(super) async fn finish_off(&mut self, input: &mut dyn InputSource) -> End {
        loop {
            let mut step = self.step(None).await;
            while let Step::Asked(request) = step {
                let asked = Instant::now();
                step = self.ask(input.ask(request)).await;
                // The caller's time is not the code's.
                self.deadline += asked.elapsed();
            }
            if let Step::Over(end) = step {
                self.taps.drain(self.events);
                return end;
            }
        }
    }

    /// What was shown and written.
    pub(super) fn finish(self) -> (Collector, CapturedStream, CapturedStream) {
        let (stdout, stderr) = self.taps.finish(self.events);
        (self.collector, stdout, stderr)
    }

    /// Waits for the caller's answer and passes it on, unless the code goes on without.
    async fn ask(&mut self, mut answer: BoxFuture<'_, InputReply>) -> Step {
        loop {
            match self.step(Some(&mut answer)).await {
                Step::Going => {}
                Step::Replied(reply) => {
                    return match self.kernel.answer_input(&reply) {
                        // It no longer waits for one.
                        Ok(()) | Err(KernelError::Misuse(_)) => Step::Going,
                        Err(error) => Step::Over(End::Broken(error)),
                    };
                }
                step => return step,
            }
        }
    }

    async fn step(&mut self, answer: Option<&mut BoxFuture<'_, InputReply>>) -> Step {
        let is_running = self.stop.is_none();
        let counts = is_running && answer.is_none();
        tokio::select! {
            biased;
            _ = self.terms.said.changed() => self.hear(),
            () = maybe(self.cancelled.as_mut()) => {
                self.cancelled = None;
                self.ask_to_stop(Stop::Interrupted)
            }
            () = until(self.kill_at) => Step::Over(End::Killed),
            () = until(self.again_at) => self.interrupt(),
            () = sleep_until(self.deadline), if counts => {
                self.ask_to_stop(Stop::Time(TimeLimit::WallTime))
            }
            () = until(self.look_at), if is_running => self.look(),
            (call, reply) = self.calls.next() => {
                match self.kernel.answer_call(call, &reply) {
                    // It no longer waits for one.
                    Ok(()) | Err(KernelError::Misuse(_)) => Step::Going,
                    Err(error) => Step::Over(End::Broken(error)),
                }
            }
            event = self.kernel.next() => match event {
                Ok(event) => self.take(event),
                Err(KernelError::Closed) => Step::Over(self.closed().await),
                Err(error) => Step::Over(End::Broken(error)),
            },
            reply = maybe(answer.map(Pin::new)) => Step::Replied(reply),
            exit = &mut self.ended => Step::Over(End::Exit(exit)),
            () = self.taps.read(self.events) => Step::Going,
        }
    }

    fn take(&mut self, event: KernelEvent) -> Step {
        match event {
            KernelEvent::Done(end) => return Step::Over(End::Done(end)),
            KernelEvent::Turn(TurnEvent::Input(request)) => {
                self.taps.drain(self.events);
                return Step::Asked(request);
            }
            KernelEvent::Call(id, call) => {
                self.taps.drain(self.events);
                self.calls.begin(id, call);
            }
            KernelEvent::Turn(event) => {
                // What was written before is heard of before.
                self.taps.drain(self.events);
                match &event {
                    TurnEvent::Display(data) => self.events.event(Event::Display { data }),
                    TurnEvent::Clear { wait } => self.events.event(Event::Clear { wait: *wait }),
                    TurnEvent::Result { display, .. } => {
                        self.events.event(Event::Value { data: display });
                    }
                    TurnEvent::Exception(_) | TurnEvent::Input(_) => {}
                }
                self.collector.event(event);
            }
            // The client lets nothing through that does not belong to a turn.
            _ => {}
        }
        Step::Going
    }

    /// Its kernel ended before it could be asked.
    pub(super) async fn unasked(&mut self, error: KernelError) -> End {
        match error {
            KernelError::Closed => self.closed().await,
            error => End::Broken(error),
        }
    }

    /// Its socket is closed; how it ended is soon known, if it has.
    async fn closed(&mut self) -> End {
        match timeout(END_TIME_MAX, &mut self.ended).await {
            Ok(exit) => End::Exit(exit),
            Err(_) => End::Broken(KernelError::Closed),
        }
    }

    /// Somebody has said something.
    fn hear(&mut self) -> Step {
        let said = *self.terms.said.borrow_and_update();
        let before = std::mem::replace(&mut self.heard, said);
        if said.stops != before.stops {
            self.stop.get_or_insert(Stop::Stopped);
            return Step::Over(End::Killed);
        }
        self.ask_to_stop(Stop::Interrupted)
    }

    /// Looks at the processor time, and says when to look again.
    fn look(&mut self) -> Step {
        let Some(limit) = self.terms.limits.cpu_time else { return Step::Going };
        let used = self.forked.usage().cpu_time_ms.unwrap_or(0);
        let used = Duration::from_millis(used.saturating_sub(self.terms.cpu_before_ms));
        if used >= limit {
            return self.ask_to_stop(Stop::Time(TimeLimit::CpuTime));
        }
        self.look_at = Some(Instant::now() + look_after(limit.saturating_sub(used)));
        Step::Going
    }

    /// Interrupts the code, which has a while to obey. The first reason is the one that
    /// counts, but that time is over weighs more than that somebody was impatient.
    fn ask_to_stop(&mut self, stop: Stop) -> Step {
        if self.stop.is_none() {
            self.stop = Some(stop);
            self.kill_at = Some(Instant::now() + self.terms.grace);
            // After the interrupt, so that the code is ended by that.
            let step = self.interrupt();
            self.calls.cancel();
            return step;
        }
        Step::Going
    }

    /// A kernel takes no interrupt before its code has begun, and that it has is not
    /// told; so one that comes early is sent more than once.
    fn interrupt(&mut self) -> Step {
        let is_early = self.began.elapsed() < BEGIN_TIME;
        let was_early = self.again_at.is_some();
        self.again_at = (is_early || was_early).then(|| Instant::now() + BEGIN_TIME);
        self.forked.interrupt();
        Step::Going
    }
}

/// Waits until a moment; for ever where there is none.
async fn until(moment: Option<Instant>) {
    match moment {
        Some(moment) => sleep_until(moment).await,
        None => pending().await,
    }
}

/// Waits for what there is; for ever where there is nothing.
async fn maybe<T>(future: Option<impl Future<Output = T>>) -> T {
    match future {
        Some(future) => future.await,
        None => pending().await,
    }
}

/// How long a processor time cannot be used up, with every processor at work.
fn look_after(left: Duration) -> Duration {
    // Asking takes a dozen system calls.
    static PROCESSORS: OnceLock<u32> = OnceLock::new();
    let count = || available_parallelism().map_or(1, NonZero::get);
    let processors = PROCESSORS.get_or_init(|| u32::try_from(count()).unwrap_or(u32::MAX).max(1));
    (left / *processors).clamp(CPU_LOOK_MIN, SLEEP_MAX)
}
