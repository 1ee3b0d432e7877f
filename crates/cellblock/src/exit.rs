//! Exit statuses: the one place that knows what each ending is worth to a shell.
//!
//! A program's own status passes through. Everything else follows the habits of
//! `timeout`, `env` and the shells, and is listed in the constants below.

use api::{ErrorCode, Outcome};

/// All is well.
pub(crate) const SUCCESS: u8 = 0;
/// A question was answered with no: something is not enforced or not available.
pub(crate) const NO: u8 = 1;
/// What was asked for makes no sense: flags, names, paths, limits.
pub(crate) const USAGE: u8 = 2;
/// The program ran longer than it may.
pub(crate) const TIMED_OUT: u8 = 124;
/// The status of code that an exception ended, as Python has it; also where its
/// kernel died of what it did.
const RAISED: u8 = 1;
/// We failed; nothing ran, or its end is not known.
pub(crate) const FAILED: u8 = 125;
/// The program exists inside but cannot be executed.
pub(crate) const NOT_EXECUTABLE: u8 = 126;
/// The program, or the toolchain that the code needs, does not exist.
pub(crate) const NOT_FOUND: u8 = 127;
/// Added to the number of the signal that ended a program.
pub(crate) const SIGNAL_BASE: u8 = 128;

const SIGINT: i32 = 2;
const SIGKILL: i32 = 9;
const SIGPIPE: i32 = 13;
const SIGSYS: i32 = 31;

/// The status for a reader that went away before the output was written.
pub(crate) const BROKEN_PIPE: u8 = of_signal(SIGPIPE);

/// The status of a program that a signal ended.
pub(crate) const fn of_signal(signal: i32) -> u8 {
    SIGNAL_BASE.saturating_add(signal.to_le_bytes()[0])
}

/// The status for an outcome.
pub(crate) const fn of_outcome(outcome: &Outcome) -> u8 {
    match outcome {
        Outcome::Exited { code } => code.to_le_bytes()[0],
        Outcome::Signaled { signal } => of_signal(*signal),
        Outcome::TimedOut { .. } => TIMED_OUT,
        Outcome::OutOfMemory | Outcome::OutputLimited => of_signal(SIGKILL),
        Outcome::Denied { .. } => of_signal(SIGSYS),
        Outcome::Cancelled => of_signal(SIGINT),
        Outcome::Raised | Outcome::KernelDied => RAISED,
    }
}

/// The status for an error.
pub(crate) const fn of_error(code: ErrorCode) -> u8 {
    match code {
        ErrorCode::InvalidRequest
        | ErrorCode::EnvironmentNotFound
        | ErrorCode::LanguageUnknown
        | ErrorCode::FileNotFound
        | ErrorCode::PolicyRefused => USAGE,
        ErrorCode::ToolchainMissing => NOT_FOUND,
        ErrorCode::ControlMissing
        | ErrorCode::LaunchFailed
        | ErrorCode::Busy
        | ErrorCode::SessionClosed
        | ErrorCode::Internal => FAILED,
        // These are about requests to a server, not about what was typed.
        ErrorCode::NotFound
        | ErrorCode::MethodNotAllowed
        | ErrorCode::Unauthenticated
        | ErrorCode::Forbidden
        | ErrorCode::Conflict
        | ErrorCode::PreconditionFailed
        | ErrorCode::RangeNotSatisfiable
        | ErrorCode::TooLarge
        | ErrorCode::UnsupportedMediaType
        | ErrorCode::TooSlow
        | ErrorCode::QuotaExceeded => FAILED,
    }
}

#[cfg(test)]
mod tests {
    use api::{Control, TimeLimit};

    use super::*;

    #[test]
    fn a_programs_own_status_passes_through() {
        for code in 0..=255_u8 {
            assert_eq!(of_outcome(&Outcome::Exited { code: i32::from(code) }), code);
        }
    }

    #[test]
    fn other_endings_follow_the_shells() {
        let table = [
            (Outcome::TimedOut { limit: TimeLimit::WallTime }, 124),
            (Outcome::TimedOut { limit: TimeLimit::CpuTime }, 124),
            (Outcome::Signaled { signal: 11 }, 139),
            (Outcome::Signaled { signal: 15 }, 143),
            (Outcome::OutOfMemory, 137),
            (Outcome::OutputLimited, 137),
            (Outcome::Denied { control: Control::SyscallFilter }, 159),
            (Outcome::Cancelled, 130),
            (Outcome::Raised, 1),
            (Outcome::KernelDied, 1),
        ];
        for (outcome, status) in table {
            assert_eq!(of_outcome(&outcome), status, "{outcome:?}");
        }
        assert_eq!(BROKEN_PIPE, 141);
    }

    #[test]
    fn errors_tell_the_callers_fault_from_ours() {
        let table = [
            (ErrorCode::InvalidRequest, 2),
            (ErrorCode::EnvironmentNotFound, 2),
            (ErrorCode::LanguageUnknown, 2),
            (ErrorCode::FileNotFound, 2),
            (ErrorCode::PolicyRefused, 2),
            (ErrorCode::ToolchainMissing, 127),
            (ErrorCode::ControlMissing, 125),
            (ErrorCode::LaunchFailed, 125),
            (ErrorCode::Busy, 125),
            (ErrorCode::Internal, 125),
        ];
        for (code, status) in table {
            assert_eq!(of_error(code), status, "{code:?}");
        }
    }
}
