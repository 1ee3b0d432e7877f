//! The attack battery and the leak counter: development only, never shipped.
//!
//! The battery runs hostile programs through the compiled `cellblock` and judges
//! each by what it saw inside and by what the host saw outside. A case also runs
//! without the sandbox, where it must succeed: a probe that cannot succeed
//! anywhere proves nothing. Nothing here may harm the machine it runs on.

pub mod battery;
pub mod canary;
pub mod case;
pub mod control;
pub mod gate;
pub mod host;
pub mod judge;
pub mod knockout;
pub mod leaks;
pub mod observe;
pub mod postgres;
pub mod report;
pub mod s3;
pub mod target;
