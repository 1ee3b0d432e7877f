//! What came of a run, from what is known of its end. Pure: facts in, outcome out.
//!
//! Reads nothing that the program itself could have written.

use api::{Outcome, TimeLimit, Usage};
use policy::Limits;
use sandbox::{Exit, ProcessStatus};

const SIGKILL: i32 = 9;
const SIGXCPU: i32 = 24;

/// How a payload came to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// It ended before anything stopped it.
    Exit(Exit),
    /// We killed it.
    Stopped(StopReason),
}

/// Why we killed a payload, the weightier reason first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum StopReason {
    /// The caller took the run back.
    Cancelled,
    /// Its time was over.
    Time(TimeLimit),
}

/// A run taken back is cancelled whatever else it did; then comes time that ran
/// out, then memory, and last the way the process ended.
pub(crate) fn settle(end: End, usage: &Usage, limits: &Limits) -> Outcome {
    match end {
        End::Stopped(StopReason::Cancelled) => Outcome::Cancelled,
        End::Stopped(StopReason::Time(limit)) => Outcome::TimedOut { limit },
        End::Exit(exit) if is_cpu_kill(exit.status, usage, limits) => {
            Outcome::TimedOut { limit: TimeLimit::CpuTime }
        }
        End::Exit(exit) if exit.out_of_memory => Outcome::OutOfMemory,
        End::Exit(exit) => match exit.status {
            ProcessStatus::Exited(code) => Outcome::Exited { code },
            ProcessStatus::Signaled(signal) => Outcome::Signaled { signal },
        },
    }
}

/// Whether the host kernel ended a process for its processor time before our own
/// watch did: it sends SIGXCPU at the resource limit, and SIGKILL past it.
fn is_cpu_kill(status: ProcessStatus, usage: &Usage, limits: &Limits) -> bool {
    let Some(limit) = limits.cpu_time else { return false };
    let spent = usage.cpu_time_ms.is_some_and(|used| u128::from(used) >= limit.as_millis());
    match status {
        ProcessStatus::Signaled(SIGXCPU) => true,
        ProcessStatus::Signaled(SIGKILL) => spent,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use api::Phase;

    use super::*;

    fn limits(cpu_time_ms: Option<u64>) -> Limits {
        Limits { cpu_time: cpu_time_ms.map(Duration::from_millis), ..Limits::default() }
    }

    fn used(cpu_time_ms: Option<u64>) -> Usage {
        Usage { cpu_time_ms, ..Usage::default() }
    }

    fn ended(status: ProcessStatus, out_of_memory: bool) -> End {
        End::Exit(Exit { phase: Phase::Run, status, out_of_memory })
    }

    #[test]
    fn each_end_has_its_outcome() {
        use ProcessStatus::{Exited, Signaled};
        let timed_out = |limit| Outcome::TimedOut { limit };
        let table = [
            (End::Stopped(StopReason::Cancelled), Outcome::Cancelled),
            (End::Stopped(StopReason::Time(TimeLimit::WallTime)), timed_out(TimeLimit::WallTime)),
            (End::Stopped(StopReason::Time(TimeLimit::CpuTime)), timed_out(TimeLimit::CpuTime)),
            (ended(Exited(0), false), Outcome::Exited { code: 0 }),
            (ended(Exited(3), false), Outcome::Exited { code: 3 }),
            (ended(Exited(124), false), Outcome::Exited { code: 124 }),
            (ended(Exited(137), false), Outcome::Exited { code: 137 }),
            (ended(Exited(152), false), Outcome::Exited { code: 152 }),
            (ended(Exited(137), true), Outcome::OutOfMemory),
            (ended(Signaled(9), true), Outcome::OutOfMemory),
            (ended(Signaled(9), false), Outcome::Signaled { signal: 9 }),
            (ended(Signaled(11), false), Outcome::Signaled { signal: 11 }),
        ];
        for (end, outcome) in table {
            assert_eq!(settle(end, &used(Some(50)), &limits(None)), outcome, "{end:?}");
        }
    }

    #[test]
    fn processor_time_is_a_timeout_only_under_its_limit() {
        use ProcessStatus::{Exited, Signaled};
        let timed_out = Outcome::TimedOut { limit: TimeLimit::CpuTime };
        let table = [
            (Signaled(24), None, Some(0), Outcome::Signaled { signal: 24 }),
            (Signaled(24), Some(1000), Some(900), timed_out),
            (Signaled(24), Some(1000), None, timed_out),
            (Signaled(9), Some(1000), Some(999), Outcome::Signaled { signal: 9 }),
            (Signaled(9), Some(1000), Some(1000), timed_out),
            (Signaled(9), Some(1000), None, Outcome::Signaled { signal: 9 }),
            (Signaled(11), Some(1000), Some(2000), Outcome::Signaled { signal: 11 }),
            (Exited(0), Some(1000), Some(2000), Outcome::Exited { code: 0 }),
            (Exited(152), Some(1000), Some(2000), Outcome::Exited { code: 152 }),
        ];
        for (status, limit, spent, outcome) in table {
            let settled = settle(ended(status, false), &used(spent), &limits(limit));
            assert_eq!(settled, outcome, "{status:?} with {spent:?} of {limit:?}");
        }
    }

    #[test]
    fn processor_time_weighs_more_than_memory() {
        let both = ended(ProcessStatus::Signaled(24), true);
        let outcome = settle(both, &used(Some(1000)), &limits(Some(1000)));
        assert_eq!(outcome, Outcome::TimedOut { limit: TimeLimit::CpuTime });
    }
}
