//! What came of a turn, from what is known of its end. Pure: facts in, outcome out.

use api::{Outcome, TimeLimit};
use kernel::{KernelError, TurnEnd, TurnStatus};
use sandbox::{Exit, ProcessStatus};

const SIGXCPU: i32 = 24;

/// How a turn came to its end.
#[derive(Debug)]
pub(super) enum End {
    /// The kernel said so.
    Done(TurnEnd),
    /// The kernel ended.
    Exit(Exit),
    /// The kernel cannot be talked with any more.
    Broken(KernelError),
    /// It did not obey, or was not asked.
    Killed,
}

/// Why a turn was to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stop {
    /// The caller wanted it.
    Interrupted,
    /// Its time was over.
    Time(TimeLimit),
    /// Its kernel is to be replaced, or the session to end.
    Stopped,
}

/// What came of a turn.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Settled {
    pub(super) outcome: Outcome,
    /// Whether the kernel is still there.
    pub(super) is_kept: bool,
    /// The number of the turn.
    pub(super) count: Option<u64>,
    pub(super) detail: Option<String>,
}

/// Time that ran out weighs more than how the code took it; what the caller wanted
/// less: code that came to its end all the same has ended.
pub(super) fn settle(end: &End, stop: Option<Stop>) -> Settled {
    let stopped = match stop {
        Some(Stop::Time(limit)) => Some(Outcome::TimedOut { limit }),
        Some(Stop::Interrupted | Stop::Stopped) => Some(Outcome::Cancelled),
        None => None,
    };
    match end {
        End::Done(TurnEnd { status, count }) => {
            let was_obeyed = *status == TurnStatus::Interrupted;
            let outcome = match (stop, stopped) {
                (Some(Stop::Time(_)), Some(outcome)) => outcome,
                (_, Some(outcome)) if was_obeyed => outcome,
                _ => status.outcome(),
            };
            Settled { outcome, is_kept: true, count: Some(*count), detail: None }
        }
        End::Exit(exit) => {
            let outcome = stopped.unwrap_or_else(|| of_exit(*exit));
            gone(outcome, Some(describe(*exit)))
        }
        End::Broken(KernelError::Violation(violation)) if violation.is_output_limit() => {
            gone(stopped.unwrap_or(Outcome::OutputLimited), Some(violation.to_string()))
        }
        End::Broken(error) => gone(stopped.unwrap_or(Outcome::KernelDied), Some(error.to_string())),
        End::Killed => {
            gone(stopped.unwrap_or(Outcome::KernelDied), Some("it was killed".to_owned()))
        }
    }
}

const fn gone(outcome: Outcome, detail: Option<String>) -> Settled {
    Settled { outcome, is_kept: false, count: None, detail }
}

const fn of_exit(exit: Exit) -> Outcome {
    match exit.status {
        _ if exit.out_of_memory => Outcome::OutOfMemory,
        ProcessStatus::Signaled(SIGXCPU) => Outcome::TimedOut { limit: TimeLimit::CpuTime },
        _ => Outcome::KernelDied,
    }
}

fn describe(exit: Exit) -> String {
    match exit.status {
        ProcessStatus::Exited(code) => format!("the kernel ended with status {code}"),
        ProcessStatus::Signaled(signal) => format!("the kernel was ended by signal {signal}"),
    }
}

#[cfg(test)]
mod tests {
    use api::Phase;
    use kernel::Violation;

    use super::*;

    fn done(status: TurnStatus) -> End {
        End::Done(TurnEnd { status, count: 3 })
    }

    fn exit(status: ProcessStatus, out_of_memory: bool) -> End {
        End::Exit(Exit { phase: Phase::Run, status, out_of_memory })
    }

    #[test]
    fn each_end_has_its_outcome() {
        use ProcessStatus::{Exited, Signaled};
        let time = Some(Stop::Time(TimeLimit::WallTime));
        let timed_out = Outcome::TimedOut { limit: TimeLimit::WallTime };
        let fine = Outcome::Exited { code: 0 };
        let violation = |violation| End::Broken(KernelError::Violation(violation));
        let table = [
            (done(TurnStatus::Ok), None, fine, true),
            (done(TurnStatus::Raised), None, Outcome::Raised, true),
            (done(TurnStatus::Interrupted), None, Outcome::Raised, true),
            (done(TurnStatus::Exited { code: 3 }), None, Outcome::Exited { code: 3 }, true),
            (done(TurnStatus::Ok), Some(Stop::Interrupted), fine, true),
            (done(TurnStatus::Raised), Some(Stop::Interrupted), Outcome::Raised, true),
            (done(TurnStatus::Interrupted), Some(Stop::Interrupted), Outcome::Cancelled, true),
            (done(TurnStatus::Ok), time, timed_out, true),
            (done(TurnStatus::Interrupted), time, timed_out, true),
            (exit(Exited(3), false), None, Outcome::KernelDied, false),
            (exit(Signaled(11), false), None, Outcome::KernelDied, false),
            (exit(Signaled(9), true), None, Outcome::OutOfMemory, false),
            (exit(Signaled(9), true), time, timed_out, false),
            (exit(Exited(0), false), Some(Stop::Interrupted), Outcome::Cancelled, false),
            (violation(Violation::Frames), None, Outcome::OutputLimited, false),
            (violation(Violation::Idle), None, Outcome::KernelDied, false),
            (End::Broken(KernelError::Closed), None, Outcome::KernelDied, false),
            (End::Killed, time, timed_out, false),
            (End::Killed, Some(Stop::Interrupted), Outcome::Cancelled, false),
            (End::Killed, Some(Stop::Stopped), Outcome::Cancelled, false),
        ];
        for (end, stop, outcome, is_kept) in table {
            let settled = settle(&end, stop);
            assert_eq!((settled.outcome, settled.is_kept), (outcome, is_kept), "{end:?} {stop:?}");
            assert_eq!(settled.count.is_some(), is_kept);
            assert_eq!(settled.detail.is_some(), !is_kept);
        }
    }
}
