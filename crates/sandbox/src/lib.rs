//! The seam between the engine and whatever isolates.
//!
//! A [`Backend`] makes a [`Sandbox`] of a resolved policy; the engine drives it
//! and knows no more. A sandbox has one owner: dropping it kills and reaps every
//! process in it.

mod backend;
mod error;
mod exit;
mod owner;
mod payload;
mod zygote;

pub use backend::{Backend, BoxFuture, Sandbox, Stdio};
pub use error::{LaunchError, SandboxError};
pub use exit::{Exit, ProcessStatus};
pub use owner::Owner;
pub use payload::{Action, Command, FileBody, FileEntry, Payload, Place, Step};
pub use zygote::{Forked, KernelEnds, LiveLimits, Remains, SharedZygote, Template, Zygote};
