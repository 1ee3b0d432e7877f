//! Why a policy spec was refused.

use std::path::PathBuf;

use api::Control;

/// Why a policy spec was refused: the field, and why.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PolicyError {
    /// A limit is zero or too small for anything to run.
    #[error("{field} of {given} is impossible: it must be at least {minimum}")]
    LimitTooSmall {
        /// The limit.
        field: &'static str,
        /// What was asked for.
        given: u64,
        /// The least that works.
        minimum: u64,
    },
    /// A limit is above the operator's ceiling.
    #[error("{field} of {given} is more than the {maximum} that is allowed here")]
    LimitTooLarge {
        /// The limit.
        field: &'static str,
        /// What was asked for.
        given: u64,
        /// The ceiling.
        maximum: u64,
    },
    /// Full network was asked for where the operator does not give it.
    #[error("full network is not allowed here")]
    NetworkRefused,
    /// A host path may not be shared.
    #[error("{path:?} may not be shared: {reason}", path = path.display())]
    ShareRefused {
        /// The host path.
        path: PathBuf,
        /// Why.
        reason: &'static str,
    },
    /// A guest path is malformed, reserved, or taken twice.
    #[error("{path:?} cannot be a mount's place inside: {reason}", path = path.display())]
    TargetRefused {
        /// The guest path.
        path: PathBuf,
        /// Why.
        reason: &'static str,
    },
    /// An env var's name or value cannot be passed to a program.
    #[error("the env var {name:?} cannot be set: {reason}")]
    EnvVarRefused {
        /// Its name.
        name: String,
        /// Why.
        reason: &'static str,
    },
    /// The host lacks a control, and the caller did not accept that.
    #[error("this host cannot enforce {control}: {detail}")]
    ControlMissing {
        /// The control.
        control: Control,
        /// Why it is not there.
        detail: String,
        /// What the operator can do about it.
        remedy: Option<String>,
    },
    /// The operator does not let callers go without controls.
    #[error("running without {control} is not allowed here")]
    WaiverRefused {
        /// The control.
        control: Control,
    },
}
