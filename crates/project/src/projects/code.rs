//! A project's code.

use api::{Project, ProjectFile};

use super::Projects;
use crate::{
    Diff, GitSource, LogPage, ProjectError, Refs, Version,
    checkout::blocking,
    git::{is_branch, is_commit},
    order, tree,
};

impl Projects {
    /// The branches of a project.
    ///
    /// # Errors
    /// Its repository cannot be had.
    pub async fn refs(&self, tenant: &str, name: &str) -> Result<Refs, ProjectError> {
        let project = self.show(tenant, name).await?;
        Ok(self.git.refs(tenant, &self.source(&project)?).await?)
    }

    /// The id of a commit: of one by its beginning, of a branch, or of the usual branch.
    ///
    /// # Errors
    /// There is none.
    pub async fn commit(
        &self,
        tenant: &str,
        project: &Project,
        branch: Option<&str>,
        commit: Option<&str>,
    ) -> Result<String, ProjectError> {
        let source = self.source(project)?;
        if let Some(commit) = commit {
            return Ok(self.git.resolve(tenant, &source, commit).await?);
        }
        let branch = branch.unwrap_or(&project.default_branch);
        let refs = self.git.refs(tenant, &source).await?;
        let found = refs.commit_of(branch).filter(|_| is_branch(branch));
        let name = branch.chars().take(80).collect();
        found.map(str::to_owned).ok_or(ProjectError::NotFound { what: "branch", name })
    }

    /// What a name stands for: 7 to 40 hexadecimal digits for a commit, else a branch.
    ///
    /// # Errors
    /// There is none.
    pub async fn resolve(
        &self,
        tenant: &str,
        project: &Project,
        name: &str,
    ) -> Result<String, ProjectError> {
        let is_hex = name.bytes().all(|byte| byte.is_ascii_hexdigit());
        match is_hex && ((7..=40).contains(&name.len()) || is_commit(name)) {
            true => self.commit(tenant, project, None, Some(name)).await,
            false => self.commit(tenant, project, Some(name), None).await,
        }
    }

    /// What a directory holds at a commit, and whether there is more.
    ///
    /// # Errors
    /// There is no such project, commit or directory.
    pub async fn files(
        &self,
        tenant: &str,
        project: &Project,
        (commit, path): (&str, &str),
        is_recursive: bool,
    ) -> Result<(Vec<ProjectFile>, bool), ProjectError> {
        let kept = self.checkouts.get(tenant, &self.source(project)?, commit).await?;
        let path = path.to_owned();
        let listed = blocking(move || Ok(tree::list(kept.files(), &path, is_recursive)));
        Ok(listed.await??)
    }

    /// A file of a project at a commit, of at most 1 MiB.
    ///
    /// # Errors
    /// There is no such project, commit or file.
    pub async fn read_file(
        &self,
        tenant: &str,
        project: &Project,
        commit: &str,
        path: &str,
    ) -> Result<Vec<u8>, ProjectError> {
        let kept = self.checkouts.get(tenant, &self.source(project)?, commit).await?;
        let path = path.to_owned();
        Ok(blocking(move || Ok(tree::read(kept.files(), &path))).await??)
    }

    /// Commits from one back in time.
    ///
    /// # Errors
    /// There is no such project or commit.
    pub async fn versions(
        &self,
        tenant: &str,
        project: &Project,
        commit: &str,
        page: &LogPage<'_>,
    ) -> Result<Vec<Version>, ProjectError> {
        Ok(self.git.log(tenant, &self.source(project)?, commit, page).await?)
    }

    /// What changed from one commit to another.
    ///
    /// # Errors
    /// There is no such project or commit.
    pub async fn diff(
        &self,
        tenant: &str,
        project: &Project,
        commits: (&str, &str),
        path: &str,
    ) -> Result<Diff, ProjectError> {
        Ok(self.git.diff(tenant, &self.source(project)?, commits, path).await?)
    }

    pub(crate) fn source(&self, project: &Project) -> Result<GitSource, ProjectError> {
        order::source(project, &self.settings.repository_dirs)
    }
}
