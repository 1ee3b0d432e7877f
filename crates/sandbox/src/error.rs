//! What can fail on our side of a sandbox.

use std::io;

use api::Control;

/// Why a sandbox could not be launched. Nothing of the payload has run.
#[derive(Debug, thiserror::Error)]
pub enum LaunchError {
    /// A step of the set-up failed.
    #[error("setting up the sandbox failed at {step:?}")]
    Step {
        /// The step, as the plan prints it.
        step: String,
        /// The control that hangs on it, if one does.
        control: Option<Control>,
        /// What to do about it.
        hint: Option<String>,
        /// The cause.
        #[source]
        source: io::Error,
    },
    /// A file of the request could not be put in: it does not fit, or its path is taken.
    #[error("{path:?} cannot be put into the sandbox: {source}")]
    File {
        /// The guest path.
        path: String,
        /// The cause.
        #[source]
        source: io::Error,
    },
    /// What was enforced is not what was planned.
    #[error("the host reports that {control} is not enforced: {detail}")]
    NotEnforced {
        /// The control.
        control: Control,
        /// What was found instead.
        detail: String,
    },
    /// Sandboxes cannot be forked here.
    #[error("sandboxes cannot be forked from a parked interpreter here: {detail}")]
    CannotFork {
        /// Why not.
        detail: String,
    },
    /// The sandbox's own processes ended or spoke nonsense during set-up.
    #[error("the sandbox ended during set-up: {detail}")]
    Lost {
        /// What was noticed.
        detail: String,
    },
}

/// What can fail once a sandbox is up.
#[derive(Debug, thiserror::Error)]
pub enum SandboxError {
    /// A step's program does not exist inside or cannot be executed.
    #[error("the program cannot be run inside the sandbox")]
    Program {
        /// Which step of the payload.
        step: usize,
        /// The cause; `NotFound` where it does not exist.
        #[source]
        source: io::Error,
    },
    /// The directory that a step is to start in cannot be entered.
    #[error("the directory to start in cannot be entered")]
    Directory {
        /// The cause; `NotFound` where it does not exist.
        #[source]
        source: io::Error,
    },
    /// The sandbox's own processes ended or spoke nonsense.
    #[error("the sandbox was lost: {detail}")]
    Lost {
        /// What was noticed.
        detail: String,
    },
    /// A guest file cannot be brought out.
    #[error("{path:?} cannot be brought out of the sandbox: {source}")]
    File {
        /// The guest path.
        path: String,
        /// The cause.
        #[source]
        source: io::Error,
    },
}
