//! Control groups: a leaf of its own for each sandbox, version 2, version 1 or both.
//! Leaves that share the processors lie in a cgroup of their owner's.
//!
//! Every limit is read back after it is set: what the host kernel did not take
//! is not reported as enforced. Nothing is written to `cgroup.procs` on the way to
//! a sandbox: that waits for a grace period of the whole machine.

mod files;
mod guards;
mod leaf;
mod owners;
mod site;
mod version2;

pub(crate) use leaf::{Joining, Leaf, LeafLimits, Wanted};
pub(crate) use site::Site;
