//! `project`: registers git repositories, and shows what there is of them.

use api::{DataSource, Project};
use project::{NewProjectSpec, Refs};
use serde::Serialize;

use crate::{
    args::ProjectCommand,
    config::absolute,
    exit,
    failure::Failure,
    ledger::{Ledger, TENANT},
    render::{self, Table},
};

/// The most that one list shows.
const LIST_MAX: u32 = 500;

/// Carries out one of the verbs.
pub(super) fn run(ledger: &Ledger, command: &ProjectCommand, as_json: bool) -> Result<u8, Failure> {
    match command {
        ProjectCommand::Add { name, repository, description, environment, .. } => {
            let new = NewProjectSpec {
                name: name.clone(),
                description: description.clone(),
                repository: place(repository),
                environment: environment.clone(),
            };
            let added = ledger.with(async |projects| Ok(projects.add(TENANT, &new).await?))?;
            tell(&added, as_json)?;
        }
        ProjectCommand::List { .. } => list(ledger, as_json)?,
        ProjectCommand::Show { name, .. } => show(ledger, name, as_json)?,
        ProjectCommand::Remove { name, .. } => {
            ledger.with(async |projects| Ok(projects.remove(TENANT, name).await?))?;
            render::note(&format!("the project {name} is forgotten"));
        }
    }
    Ok(exit::SUCCESS)
}

/// A repository as projects take it: what is no address is a path of this machine.
fn place(repository: &str) -> String {
    let is_address = repository.contains("://") || is_short_ssh(repository);
    match is_address {
        true => repository.to_owned(),
        false => absolute(repository.as_ref()).to_string_lossy().into_owned(),
    }
}

/// `user@host:path`, as git takes it.
fn is_short_ssh(text: &str) -> bool {
    text.split_once(':').is_some_and(|(host, _)| host.contains('@') && !host.contains('/'))
}

fn tell(project: &Project, as_json: bool) -> Result<(), Failure> {
    if as_json {
        return render::pretty_json(project);
    }
    let Project { name, repository, default_branch, environment, .. } = project;
    let line = format!("{name}: {repository} ({default_branch}), in the environment {environment}");
    render::text(&format!("{}\n", render::printable(&line)))
}

fn list(ledger: &Ledger, as_json: bool) -> Result<(), Failure> {
    let listed = ledger.with(async |projects| Ok(projects.list(TENANT, LIST_MAX, None).await?))?;
    if as_json {
        return render::pretty_json(&listed.items);
    }
    let mut table = Table::new(&["NAME", "BRANCH", "ENVIRONMENT", "REPOSITORY", "DESCRIPTION"]);
    for project in &listed.items {
        let Project { name, default_branch, environment, repository, description, .. } = project;
        table.row(&[name, default_branch, environment, repository, description]);
    }
    render::text(&table.text(|_, cell| cell.to_owned()))
}

#[derive(Serialize)]
struct BranchJson {
    name: String,
    commit_sha: String,
}

#[derive(Serialize)]
struct WholeProject {
    #[serde(flatten)]
    project: Project,
    branches: Vec<BranchJson>,
    sources: Vec<DataSource>,
}

fn show(ledger: &Ledger, name: &str, as_json: bool) -> Result<(), Failure> {
    let whole = ledger.with(async |projects| {
        let project = projects.show(TENANT, name).await?;
        let refs: Refs = projects.refs(TENANT, name).await?;
        let sources = projects.sources(TENANT, &project).await?;
        let branch =
            |branch: project::Branch| BranchJson { name: branch.name, commit_sha: branch.commit };
        let branches = refs.branches.into_iter().map(branch).collect();
        Ok(WholeProject { project, branches, sources })
    })?;
    if as_json {
        return render::pretty_json(&whole);
    }
    tell(&whole.project, false)?;
    let mut table = Table::new(&["BRANCH", "COMMIT"]);
    for branch in &whole.branches {
        table.row(&[&branch.name, &branch.commit_sha]);
    }
    render::text(&table.text(|_, cell| cell.to_owned()))?;
    if whole.sources.is_empty() {
        return Ok(());
    }
    let mut table = Table::new(&["DATA", "LOCATION"]);
    for source in &whole.sources {
        table.row(&[&source.name, &source.location]);
    }
    render::text(&table.text(|_, cell| cell.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_address_is_a_path() {
        for address in ["https://example.org/a.git", "ssh://git@host/a", "git@host:a/b.git"] {
            assert_eq!(place(address), address);
        }
        assert_eq!(place("/srv/a:b"), "/srv/a:b");
        assert!(place("a").starts_with('/') && place("a").ends_with("/a"));
    }
}
