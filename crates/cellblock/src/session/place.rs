//! Where a session leaves files on the host.

use std::path::PathBuf;

use crate::{
    args::SessionArgs,
    config::{HostVars, absolute},
};

/// Where a session leaves files on the host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Places {
    /// The history of what was typed; nowhere without a home.
    pub(crate) history: Option<PathBuf>,
    /// Images that the terminal cannot show; nowhere without a home.
    pub(crate) images: Option<PathBuf>,
}

impl Places {
    /// The places for a session of this name or id.
    pub(crate) fn new(args: &SessionArgs, vars: &HostVars, session: &str) -> Self {
        let below = |home: PathBuf| home.join("cellblock").join("images").join(session);
        Self {
            history: vars.state_home().map(|home| home.join("cellblock").join("session-history")),
            images: args.images.as_deref().map(absolute).or_else(|| vars.cache_home().map(below)),
        }
    }
}
