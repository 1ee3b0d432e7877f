//! The shapes in which otari's clients get results.

use serde::Serialize;
use utoipa::ToSchema;

use super::{editor::Edited, handle::new_file_id, ran::Ran};

/// What came of a call.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Answer<B> {
    /// The call that this is an answer to.
    pub(super) tool_use_id: String,
    /// What came of it.
    pub(super) result_block: Block<B>,
    /// How long it took.
    pub(super) execution_time_ms: u64,
}

/// What came of a call, as a model gets it.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Block<B> {
    /// Of which tool it is a result.
    #[serde(rename = "type")]
    pub(super) kind: &'static str,
    /// The call that this is an answer to.
    pub(super) tool_use_id: String,
    /// The result itself.
    pub(super) content: B,
}

/// The result of every tool.
#[derive(Debug, PartialEq, Serialize, ToSchema)]
pub(crate) struct Content {
    /// `code_execution_result`.
    #[serde(rename = "type")]
    kind: &'static str,
    /// What was written to standard output.
    stdout: String,
    /// What was written to standard error, and what went wrong.
    stderr: String,
    /// The exit status; negative for what was ended.
    return_code: i32,
    /// The files that were made or changed.
    content: Vec<Produced>,
}

/// A file that was made or changed.
#[derive(Debug, PartialEq, Serialize, ToSchema)]
pub(crate) struct Produced {
    /// `code_execution_output`.
    #[serde(rename = "type")]
    kind: &'static str,
    /// What it is known by.
    file_id: String,
    /// Where it is, relative to the workspace.
    filename: String,
}

/// The result of code or a command.
pub(super) fn of_run(ran: Ran) -> Content {
    let produced =
        |filename| Produced { kind: "code_execution_output", file_id: new_file_id(), filename };
    Content {
        kind: "code_execution_result",
        stdout: ran.stdout,
        stderr: ran.stderr,
        return_code: ran.return_code,
        content: ran.files.into_iter().map(produced).collect(),
    }
}

/// The result of an edit.
pub(super) fn of_edit(edited: Edited) -> Content {
    let ran = match edited {
        Ok(done) => Ran { stdout: done.said(), ..Ran::default() },
        Err(refused) => Ran {
            stderr: format!("text_editor: {}\n", refused.message),
            return_code: 1,
            ..Ran::default()
        },
    };
    of_run(ran)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{super::editor::Refused, *};

    #[test]
    fn every_result_has_the_same_fields() {
        let ran = Ran {
            stdout: "o".to_owned(),
            stderr: "e".to_owned(),
            return_code: 3,
            files: vec!["a/b.png".to_owned()],
            ..Ran::default()
        };
        let mut told = serde_json::to_value(of_run(ran)).unwrap();
        let id = told["content"][0]["file_id"].take();
        assert!(id.as_str().unwrap().starts_with("file_"));
        assert_eq!(
            told,
            json!({"type": "code_execution_result", "stdout": "o", "stderr": "e",
                "return_code": 3, "content": [{"type": "code_execution_output",
                    "file_id": null, "filename": "a/b.png"}]}),
        );
        let refused = Refused { message: "file not found: x".to_owned(), is_missing: true };
        let told = of_edit(Err(refused));
        assert_eq!((told.return_code, told.stdout.as_str()), (1, ""));
        assert_eq!(told.stderr, "text_editor: file not found: x\n");
    }
}
