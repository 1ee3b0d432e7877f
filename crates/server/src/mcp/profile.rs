//! Which tools a client is shown, and in which order.

use std::{fmt, str::FromStr};

/// A set of tools. Few tools leave a model more room to think; more can be asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Profile {
    /// Those that most clients need.
    #[default]
    Default,
    /// All of them.
    Full,
    /// Code, commands and files in sessions.
    Minimal,
    /// Projects alone, by the names that Bridge Town's clients know.
    Bridge,
}

/// The text names no profile.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a profile of tools: expected default, full, minimal or bridge")]
pub struct InvalidProfile;

const DEFAULT: &[&str] = &[
    "run",
    "get_run",
    "get_run_output",
    "list_runs",
    "cancel_run",
    "execute_code",
    "run_command",
    "read_file",
    "write_file",
    "list_files",
    "list_environments",
];

const MORE: &[&str] = &[
    "edit_file",
    "delete_file",
    "close_session",
    "list_sessions",
    "create_project",
    "list_projects",
    "list_project_files",
    "read_project_file",
    "ingest_data_source",
    "list_data_sources",
    "list_snapshots",
    "delete_snapshot",
    "compare_runs",
    "rerun",
];

const MINIMAL: &[&str] = &["execute_code", "run_command", "read_file", "write_file"];

const BRIDGE: &[&str] = &[
    "run",
    "get_run",
    "get_run_output",
    "list_runs",
    "cancel_run",
    "create_project",
    "list_projects",
    "list_project_files",
    "read_project_file",
    "ingest_data_source",
    "list_data_sources",
    "list_snapshots",
    "delete_snapshot",
    "compare_runs",
    "rerun",
];

impl Profile {
    /// Every profile.
    pub const ALL: [Self; 4] = [Self::Default, Self::Full, Self::Minimal, Self::Bridge];

    /// Its name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Default => "default",
            Self::Full => "full",
            Self::Minimal => "minimal",
            Self::Bridge => "bridge",
        }
    }

    /// The names of its tools, in the order in which they are shown: always the same, so
    /// that what a model was told before can be kept.
    pub(super) fn names(self) -> impl Iterator<Item = &'static str> {
        let (first, then): (&[_], &[_]) = match self {
            Self::Default => (DEFAULT, &[]),
            Self::Full => (DEFAULT, MORE),
            Self::Minimal => (MINIMAL, &[]),
            Self::Bridge => (BRIDGE, &[]),
        };
        first.iter().chain(then).copied()
    }
}

impl FromStr for Profile {
    type Err = InvalidProfile;

    fn from_str(text: &str) -> Result<Self, InvalidProfile> {
        Self::ALL.into_iter().find(|profile| profile.as_str() == text).ok_or(InvalidProfile)
    }
}

impl fmt::Display for Profile {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn a_profile_is_known_by_its_name_and_has_each_tool_once() {
        for profile in Profile::ALL {
            assert_eq!(profile.as_str().parse(), Ok(profile));
            let names: Vec<_> = profile.names().collect();
            assert_eq!(names.iter().collect::<BTreeSet<_>>().len(), names.len(), "{profile}");
        }
        assert_eq!("Full".parse::<Profile>(), Err(InvalidProfile));
    }

    #[test]
    fn the_full_profile_has_every_tool_of_the_others() {
        let full: BTreeSet<_> = Profile::Full.names().collect();
        for profile in Profile::ALL {
            assert!(profile.names().all(|name| full.contains(name)), "{profile}");
        }
    }
}
