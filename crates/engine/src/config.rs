//! What the operator tells the engine. Read from nowhere here: the binary does that.

use std::path::PathBuf;

use policy::Ceiling;

use crate::WarmConfig;

/// What the operator tells the engine.
#[derive(Clone, Debug)]
pub struct Config {
    /// The most that callers may ask for, and what they get unasked.
    pub ceiling: Ceiling,
    /// The directory of environments; need not exist.
    pub environments: PathBuf,
    /// Host directories that are searched for interpreters and toolchains, in order.
    pub search_path: Vec<PathBuf>,
    /// The interpreter of the environment `bare`, if the operator names one.
    pub python: Option<PathBuf>,
    /// The most runs at any one moment; at least one is always let in. What goes on in
    /// sessions is not counted.
    pub runs_max: usize,
    /// What is kept warm.
    pub warm: WarmConfig,
}
