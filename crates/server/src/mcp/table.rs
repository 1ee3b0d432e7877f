//! Every tool that there is.

use super::{
    profile::Profile,
    projects,
    tool::Tool,
    tools::{commands, environments, execute, files, sessions},
};

static OWN: &[Tool] = &[
    Tool::of::<execute::ExecuteCode>(),
    Tool::of::<commands::RunCommand>(),
    Tool::of::<files::ReadFile>(),
    Tool::of::<files::WriteFile>(),
    Tool::of::<files::ListFiles>(),
    Tool::of::<files::EditFile>(),
    Tool::of::<files::DeleteFile>(),
    Tool::of::<environments::ListEnvironments>(),
    Tool::of::<sessions::ListSessions>(),
    Tool::of::<sessions::CloseSession>(),
];

/// The tool of a name.
pub(super) fn find(name: &str) -> Option<&'static Tool> {
    OWN.iter().chain(projects::TOOLS).find(|tool| tool.name == name)
}

/// The tool of a name, if the profile has it.
pub(super) fn of(profile: Profile, name: &str) -> Option<&'static Tool> {
    profile.names().any(|known| known == name).then(|| find(name)).flatten()
}

/// The tools of a profile, in its order.
pub(super) fn all(profile: Profile) -> impl Iterator<Item = &'static Tool> {
    profile.names().filter_map(find)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_tool_is_of_some_profile() {
        for tool in OWN.iter().chain(projects::TOOLS) {
            assert!(of(Profile::Full, tool.name).is_some(), "{}", tool.name);
        }
    }
}
