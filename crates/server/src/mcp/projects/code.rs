//! `create_project`, `list_projects`, `list_project_files` and `read_project_file`.

use api::{Project, ProjectFile};
use project::NewProjectSpec;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    app::App,
    keys::Scope,
    mcp::{
        refusal::Refusal,
        tool::{Answer, Call, Hints, Kind},
    },
};

/// How many projects a list has if its client does not say.
const PROJECTS_USUAL: u32 = 100;
const PROJECTS_MAX: u32 = 500;

/// A project that is wanted.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct CreateProjectArgs {
    /// Its name.
    project_name: String,
    /// Its repository: a URL, or the absolute path of a directory that the operator allows.
    source: String,
    /// What it is.
    description: Option<String>,
    /// The environment that it runs in; `bare` if left out.
    environment: Option<String>,
}

/// `create_project`.
pub(super) struct CreateProject;

impl Kind for CreateProject {
    const NAME: &'static str = "create_project";
    const TITLE: &'static str = "Register a project";
    const SCOPE: Scope = Scope::Run;
    const HINTS: Hints = Hints { destroys: false, ..Hints::CHANGES }.with_fetching();
    type Args = CreateProjectArgs;
    type Output = Project;

    fn description(_: &App) -> String {
        "Registers a git repository as a project, whose run.py and model/NAME.py can be run."
            .to_owned()
    }

    async fn call(call: Call, args: CreateProjectArgs) -> Result<Answer<Project>, Refusal> {
        let new = NewProjectSpec {
            name: args.project_name,
            description: args.description.unwrap_or_default(),
            repository: args.source,
            environment: args.environment,
        };
        let made = call.projects().add(call.tenant(), &new).await?;
        let text = format!("made project {} of {}", made.name, made.repository);
        Ok(Answer::text(text, made))
    }
}

/// Which projects.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub(super) struct ListProjectsArgs {
    /// How many at most, from 1 to 500; 100 if left out.
    limit: Option<u32>,
    /// Where the page before ended: its `next_cursor`.
    cursor: Option<String>,
}

/// Some projects.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(super) struct ProjectsTold {
    /// By name.
    projects: Vec<Project>,
    /// Where the next page begins; `null` where there is none.
    next_cursor: Option<String>,
}

/// `list_projects`.
pub(super) struct ListProjects;

impl Kind for ListProjects {
    const NAME: &'static str = "list_projects";
    const TITLE: &'static str = "List projects";
    const SCOPE: Scope = Scope::Read;
    const HINTS: Hints = Hints::READS;
    type Args = ListProjectsArgs;
    type Output = ProjectsTold;

    fn description(_: &App) -> String {
        "Lists the projects that are registered.".to_owned()
    }

    async fn call(call: Call, args: ListProjectsArgs) -> Result<Answer<ProjectsTold>, Refusal> {
        let limit = args.limit.unwrap_or(PROJECTS_USUAL);
        if !(1..=PROJECTS_MAX).contains(&limit) {
            return Err(Refusal::invalid(format!("limit: from 1 to {PROJECTS_MAX}")));
        }
        let cursor = args.cursor.as_deref();
        let listed = call.projects().list(call.tenant(), limit, cursor).await?;
        let mut lines = vec![format!("{} projects", listed.items.len())];
        let line = |project: &Project| format!("- {}: {}", project.name, project.description);
        lines.extend(listed.items.iter().map(line));
        let told = ProjectsTold { projects: listed.items, next_cursor: listed.next_cursor };
        Ok(Answer::text(lines.join("\n"), told))
    }
}

/// Which files.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ListProjectFilesArgs {
    /// The project.
    project_name: String,
    /// The directory; the project's top if left out.
    path: Option<String>,
    /// The branch; the project's usual one if left out.
    branch: Option<String>,
    /// The commit, or its beginning; the branch's newest if left out.
    commit_sha: Option<String>,
    /// Whether directories are entered, as they are if left out.
    recursive: Option<bool>,
}

/// Files of a project at a commit.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(super) struct ProjectFilesTold {
    /// The project.
    project_name: String,
    /// The commit.
    commit_sha: String,
    /// By path.
    files: Vec<ProjectFile>,
    /// Whether there are more.
    is_cut: bool,
}

/// `list_project_files`.
pub(super) struct ListProjectFiles;

impl Kind for ListProjectFiles {
    const NAME: &'static str = "list_project_files";
    const TITLE: &'static str = "List a project's files";
    const SCOPE: Scope = Scope::Read;
    const HINTS: Hints = Hints::READS.with_fetching();
    type Args = ListProjectFilesArgs;
    type Output = ProjectFilesTold;

    fn description(_: &App) -> String {
        "Lists the files of a project at a commit.".to_owned()
    }

    async fn call(
        call: Call,
        args: ListProjectFilesArgs,
    ) -> Result<Answer<ProjectFilesTold>, Refusal> {
        let at = (args.branch.as_deref(), args.commit_sha.as_deref());
        let (project, commit_sha) = call.commit(&args.project_name, at).await?;
        let path = args.path.unwrap_or_default();
        let is_recursive = args.recursive.unwrap_or(true);
        let listed = call.projects();
        let listed = listed.files(call.tenant(), &project, (&commit_sha, &path), is_recursive);
        let (files, is_cut) = listed.await?;
        let mut lines: Vec<_> = files.iter().map(|file| file.path.clone()).collect();
        if is_cut || lines.is_empty() {
            lines.push(if is_cut { "[there are more]" } else { "there are no files" }.to_owned());
        }
        let project_name = project.name;
        let told = ProjectFilesTold { project_name, commit_sha, files, is_cut };
        Ok(Answer::text(lines.join("\n"), told))
    }
}

impl Call {
    /// A project, and the id of a commit of it.
    async fn commit(
        &self,
        name: &str,
        (branch, commit): (Option<&str>, Option<&str>),
    ) -> Result<(Project, String), Refusal> {
        let project = self.project(name).await?;
        let commit = self.projects().commit(self.tenant(), &project, branch, commit).await?;
        Ok((project, commit))
    }
}

/// A file of a project.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ReadProjectFileArgs {
    /// The project.
    project_name: String,
    /// The file, from the project's top.
    path: String,
    /// The branch; the project's usual one if left out.
    branch: Option<String>,
    /// The commit, or its beginning; the branch's newest if left out.
    commit_sha: Option<String>,
}

/// What a file of a project says.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(super) struct ProjectFileTold {
    /// The project.
    project_name: String,
    /// The file.
    path: String,
    /// The commit.
    commit_sha: String,
    /// What it says; bytes that are no text are U+FFFD.
    content: String,
    /// Its size.
    size_bytes: u64,
}

/// `read_project_file`.
pub(super) struct ReadProjectFile;

impl Kind for ReadProjectFile {
    const NAME: &'static str = "read_project_file";
    const TITLE: &'static str = "Read a project's file";
    const SCOPE: Scope = Scope::Read;
    const HINTS: Hints = Hints::READS.with_fetching();
    type Args = ReadProjectFileArgs;
    type Output = ProjectFileTold;

    fn description(_: &App) -> String {
        "Reads a file of a project at a commit, up to 1 MiB.".to_owned()
    }

    async fn call(
        call: Call,
        args: ReadProjectFileArgs,
    ) -> Result<Answer<ProjectFileTold>, Refusal> {
        let at = (args.branch.as_deref(), args.commit_sha.as_deref());
        let (project, commit_sha) = call.commit(&args.project_name, at).await?;
        let projects = call.projects();
        let read = projects.read_file(call.tenant(), &project, &commit_sha, &args.path);
        let bytes = read.await?;
        let told = ProjectFileTold {
            project_name: project.name,
            path: args.path,
            commit_sha,
            size_bytes: bytes.len() as u64,
            content: String::from_utf8_lossy(&bytes).into_owned(),
        };
        let text = match told.content.as_str() {
            "" => "[there is nothing in it]".to_owned(),
            content => content.to_owned(),
        };
        Ok(Answer::text(text, told))
    }
}
