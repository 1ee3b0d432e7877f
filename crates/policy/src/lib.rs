//! Policy spec, ceiling and host support in; policy out. Pure: no I/O.
//!
//! A [`Policy`] is the complete statement of what one sandbox may do. Its fields
//! are private and [`resolve`] is the only way to make one, so whoever holds one
//! knows that it was checked.

mod class;
mod error;
mod limits;
mod mount;
mod places;
mod policy;
mod resolve;
mod shares;
mod support;
pub mod syscalls;

pub use class::{PolicyClass, TemplateClass};
pub use error::PolicyError;
pub use limits::{Ceiling, Limits};
pub use mount::{GuestPath, InvalidGuestPath, Mount, MountView};
pub use policy::{Network, Policy, guest};
pub use resolve::{Parts, resolve};
pub use support::{HostSupport, Support};
