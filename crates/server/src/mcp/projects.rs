//! The tools of projects and their runs. Where there are no projects, there are none.

use super::tool::Tool;

/// The tools of projects.
pub(super) static TOOLS: &[Tool] = &[];
