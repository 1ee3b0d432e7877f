//! The tools of projects and their runs, with the names that Bridge Town's clients know.

mod code;
mod compare;
mod data;
mod list;
mod look;
mod output;
mod rerun;
mod run;
mod told;

use api::Project;
use project::{ProjectError, Projects};

use super::{
    refusal::Refusal,
    tool::{Call, Tool},
};
use crate::http::Failure;

/// The tools of projects.
pub(super) static TOOLS: &[Tool] = &[
    Tool::of::<run::Run>(),
    Tool::of::<look::GetRun>(),
    Tool::of::<output::GetRunOutput>(),
    Tool::of::<list::ListRuns>(),
    Tool::of::<look::CancelRun>(),
    Tool::of::<compare::CompareRuns>(),
    Tool::of::<rerun::Rerun>(),
    Tool::of::<code::CreateProject>(),
    Tool::of::<code::ListProjects>(),
    Tool::of::<code::ListProjectFiles>(),
    Tool::of::<code::ReadProjectFile>(),
    Tool::of::<data::IngestDataSource>(),
    Tool::of::<data::ListDataSources>(),
    Tool::of::<data::ListSnapshots>(),
    Tool::of::<data::DeleteSnapshot>(),
];

impl Call {
    fn projects(&self) -> &Projects {
        self.app.projects()
    }

    fn tenant(&self) -> &str {
        self.caller.tenant.as_str()
    }

    /// A project by its name.
    async fn project(&self, name: &str) -> Result<Project, Refusal> {
        Ok(self.projects().show(self.tenant(), name).await?)
    }
}

impl From<ProjectError> for Refusal {
    fn from(error: ProjectError) -> Self {
        Failure::from(error).into()
    }
}
