//! The native backend: sandboxes made by the host kernel alone.
//!
//! A policy becomes a [`plan`](Native::plan_text), printable data; the host side
//! makes namespaces and cgroups and starts our own binary in them as `init`; init
//! applies the plan, locks itself down and runs the payload.
//!
//! | module | side | does |
//! |---|---|---|
//! | `build`, `plan` | host | policy → ordered steps; pure |
//! | `source`, `idmap`, `identity`, `cgroup` | host | opens what the plan refers to |
//! | `launch`, `verify`, `live` | host | starts init, looks at it from outside, owns the sandbox |
//! | `remains` | host | reads what a killed sandbox left |
//! | `reaper` | host | waits for what takes longer to end than anybody waits |
//! | `zygote`, `forked`, `enter` | host | sandboxes forked from a parked interpreter |
//! | `init` | guest | applies the steps, runs and reaps the payload |
//! | `wire`, `orders` | both | what the two sides say to each other |

mod build;
mod cgroup;
mod enter;
mod forked;
mod furnish;
mod identity;
mod idmap;
mod init;
#[cfg(feature = "knockout")]
mod knockout;
mod launch;
mod live;
mod native;
mod opener;
mod orders;
mod plan;
mod reaper;
mod remains;
mod remedy;
mod source;
mod sweep;
mod text;
mod verify;
mod wire;
mod zygote;

#[cfg(all(feature = "knockout", not(debug_assertions)))]
compile_error!("the feature `knockout` weakens sandboxes and is for debug builds only");

use std::{process::ExitCode, time::Duration};

pub use init::Builtins;
pub use native::{Native, NativeError};

/// As short as the host kernel allows. What needs a processor for longer has it for longer
/// where nothing else is ready.
const SLICE: Duration = Duration::from_micros(100);

/// Lets what becomes ready run soon, however busy the processors are: the calling thread,
/// the threads that it makes from now on, and their sandboxes, which give way to each
/// other in the same way. To be called before there are other threads.
///
/// # Errors
/// The host kernel refuses it. Everything works without.
pub fn run_in_short_slices() -> std::io::Result<()> {
    sys::slice::set(SLICE)
}

/// Runs as a sandbox's init if this process was started as one, and says with
/// which status to end; `None` for every other process.
///
/// Must be the first statement of the program: before anything is opened, any
/// thread is started, any argument is looked at.
#[must_use]
pub fn role(builtins: Builtins) -> Option<ExitCode> {
    init::role(builtins)
}
