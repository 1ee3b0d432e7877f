//! A run as it waits in the queue: everything settled that may change meanwhile, so that
//! it can also be done again.

use api::{Project, RepositoryKind, RunScope};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::{GitSource, ProjectError, checkout::digest};

/// The most bytes of parameters as JSON.
const PARAMETERS_BYTES_MAX: usize = 64 * 1024;

/// A run that can be carried out.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Order {
    pub(crate) project_id: String,
    pub(crate) repository: String,
    /// Where in a local repository git's own files are.
    pub(crate) git: Option<String>,
    pub(crate) commit: String,
    pub(crate) scope: RunScope,
    pub(crate) model: Option<String>,
    pub(crate) parameters: Option<Map<String, Value>>,
    pub(crate) snapshot: Option<String>,
    pub(crate) environment: String,
    pub(crate) wall_time_ms: Option<u64>,
}

impl Order {
    /// Where its code is.
    pub(crate) fn source(&self) -> GitSource {
        source_of(&self.repository, self.git.as_deref())
    }

    /// What the driver calls the result of what is run, if it is no pipeline.
    pub(crate) fn result_name(&self) -> &str {
        match (self.scope, &self.model) {
            (RunScope::Model, Some(model)) => model,
            _ => "run",
        }
    }

    /// What a record has as the digest of the code: SHA-256 of the commit's id, which stands
    /// for every file of it, and of what of it is run. What runs it is ours, and no part of it.
    pub(crate) fn code_digest(&self) -> String {
        let model = self.model.as_deref().filter(|_| self.scope == RunScope::Model);
        digest(&["project", &self.commit, self.scope.word(), model.unwrap_or_default()])
    }
}

/// The source that was registered.
fn source_of(repository: &str, git: Option<&str>) -> GitSource {
    match git {
        None => GitSource::Url(repository.to_owned()),
        Some(git) => GitSource::Directory {
            path: repository.into(),
            git: if git.is_empty() { "" } else { ".git" },
        },
    }
}

/// The source of a project. A local repository is looked at again: it may have become
/// something else since.
pub(crate) fn source(
    project: &Project,
    allowed: &[std::path::PathBuf],
) -> Result<GitSource, ProjectError> {
    match project.repository_kind {
        RepositoryKind::Remote => Ok(GitSource::Url(project.repository.clone())),
        RepositoryKind::Local => Ok(GitSource::parse(&project.repository, allowed)?),
    }
}

/// Parameters that are taken: an object that is not too large.
pub(crate) fn parameters(given: Option<Value>) -> Result<Option<Map<String, Value>>, ProjectError> {
    let given = match given {
        None | Some(Value::Null) => return Ok(None),
        Some(Value::Object(given)) => given,
        Some(_) => return Err(ProjectError::Request { reason: "the parameters are no object" }),
    };
    let bytes = serde_json::to_vec(&given).map_or(usize::MAX, |text| text.len());
    match bytes < PARAMETERS_BYTES_MAX {
        true => Ok(Some(given)),
        false => Err(ProjectError::TooLarge {
            what: "the object of parameters",
            given: bytes as u64,
            maximum: PARAMETERS_BYTES_MAX as u64 - 1,
        }),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn parameters_are_small_objects() {
        assert_eq!(parameters(None).unwrap(), None);
        assert_eq!(parameters(Some(json!({}))).unwrap(), Some(Map::new()));
        assert!(parameters(Some(json!({"a": {"b": [1]}}))).unwrap().is_some());
        for wrong in [json!([]), json!("a"), json!(1), json!(true)] {
            assert!(parameters(Some(wrong)).is_err());
        }
        let text = |length: usize| Some(json!({"a": "x".repeat(length)}));
        assert!(parameters(text(PARAMETERS_BYTES_MAX - 9)).is_ok());
        assert!(parameters(text(PARAMETERS_BYTES_MAX - 8)).is_err());
    }
}
