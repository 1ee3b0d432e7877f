//! The shapes in which the vendor of the tools itself tells results.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde::Serialize;

use super::{
    editor::{Done, Edited},
    handle::new_file_id,
    ran::Ran,
    texts::{Hunk, Shown},
};

/// The result of code or a command.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub(super) enum RunContent {
    Result {
        #[serde(rename = "type")]
        kind: &'static str,
        stdout: String,
        stderr: String,
        return_code: i32,
        content: Vec<Output>,
    },
    Error {
        #[serde(rename = "type")]
        kind: &'static str,
        error_code: &'static str,
    },
}

/// A file that was made or changed.
#[derive(Debug, Serialize)]
pub(super) struct Output {
    #[serde(rename = "type")]
    kind: &'static str,
    file_id: String,
}

/// What the parts of a run's result are called.
#[derive(Clone, Copy, Debug)]
pub(super) struct Names {
    result: &'static str,
    error: &'static str,
    output: &'static str,
}

/// Those of `code_execution`.
pub(super) const PYTHON: Names = Names {
    result: "code_execution_result",
    error: "code_execution_tool_result_error",
    output: "code_execution_output",
};

/// Those of `bash_code_execution`.
pub(super) const BASH: Names = Names {
    result: "bash_code_execution_result",
    error: "bash_code_execution_tool_result_error",
    output: "bash_code_execution_output",
};

/// The result of code or a command.
pub(super) fn of_run(ran: Ran, names: Names) -> RunContent {
    if ran.timed_out {
        return RunContent::Error { kind: names.error, error_code: "execution_time_exceeded" };
    }
    let output = |_| Output { kind: names.output, file_id: new_file_id() };
    RunContent::Result {
        kind: names.result,
        stdout: ran.stdout,
        stderr: ran.stderr,
        return_code: ran.return_code,
        content: ran.files.into_iter().map(output).collect(),
    }
}

/// The result of an edit.
#[derive(Debug, Serialize)]
#[serde(tag = "type")]
pub(super) enum EditContent {
    #[serde(rename = "text_editor_code_execution_view_result")]
    View {
        content: String,
        file_type: &'static str,
        num_lines: Option<usize>,
        start_line: Option<usize>,
        total_lines: Option<usize>,
    },
    #[serde(rename = "text_editor_code_execution_create_result")]
    Create { is_file_update: bool },
    #[serde(rename = "text_editor_code_execution_str_replace_result")]
    Replace {
        lines: Option<Vec<String>>,
        old_start: Option<usize>,
        old_lines: Option<usize>,
        new_start: Option<usize>,
        new_lines: Option<usize>,
    },
    #[serde(rename = "text_editor_code_execution_tool_result_error")]
    Error { error_code: &'static str, error_message: String },
}

/// The result of an edit of the file of a name.
pub(super) fn of_edit(edited: Edited, path: &str) -> EditContent {
    match edited {
        Ok(Done::Viewed { shown, bytes }) => of_view(shown, &bytes, path),
        Ok(Done::Listed(names)) => {
            let count = names.lines().count();
            text(Shown { text: names, first_line: 1, lines: count, lines_total: count })
        }
        Ok(Done::Created(_)) => EditContent::Create { is_file_update: false },
        Ok(Done::Replaced(_, hunk) | Done::Inserted(_, hunk)) => of_hunk(hunk),
        Ok(Done::Reverted(_)) => EditContent::Replace {
            lines: None,
            old_start: None,
            old_lines: None,
            new_start: None,
            new_lines: None,
        },
        Err(refused) => EditContent::Error {
            error_code: if refused.is_missing { "file_not_found" } else { "invalid_tool_input" },
            error_message: refused.message,
        },
    }
}

fn of_view(shown: Shown, bytes: &[u8], path: &str) -> EditContent {
    let mime = mime_guess::from_path(path).first_raw().unwrap_or_default();
    let file_type = match mime {
        "application/pdf" => "pdf",
        // A drawing in words is read as words.
        "image/svg+xml" => return text(shown),
        mime if mime.starts_with("image/") => "image",
        _ => return text(shown),
    };
    EditContent::View {
        content: STANDARD.encode(bytes),
        file_type,
        num_lines: None,
        start_line: None,
        total_lines: None,
    }
}

fn text(shown: Shown) -> EditContent {
    EditContent::View {
        content: shown.text,
        file_type: "text",
        num_lines: Some(shown.lines),
        start_line: Some(shown.first_line),
        total_lines: Some(shown.lines_total),
    }
}

fn of_hunk(hunk: Hunk) -> EditContent {
    let Hunk { start, old, new } = hunk;
    let gone = old.iter().map(|line| format!("-{line}"));
    let come = new.iter().map(|line| format!("+{line}"));
    EditContent::Replace {
        lines: Some(gone.chain(come).collect()),
        old_start: Some(start),
        old_lines: Some(old.len()),
        new_start: Some(start),
        new_lines: Some(new.len()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{super::editor::Refused, *};

    fn told(content: &impl Serialize) -> Value {
        serde_json::to_value(content).unwrap()
    }

    #[test]
    fn runs_have_results_of_their_own_kind() {
        let ran = || Ran { files: vec!["x".to_owned()], ..Ran::default() };
        let mut of_bash = told(&of_run(ran(), BASH));
        of_bash["content"][0]["file_id"].take();
        assert_eq!(
            of_bash,
            json!({"type": "bash_code_execution_result", "stdout": "", "stderr": "",
                "return_code": 0,
                "content": [{"type": "bash_code_execution_output", "file_id": null}]}),
        );
        assert_eq!(told(&of_run(ran(), PYTHON))["type"], "code_execution_result");
        let late = of_run(Ran { timed_out: true, ..ran() }, PYTHON);
        assert_eq!(
            told(&late),
            json!({"type": "code_execution_tool_result_error",
                "error_code": "execution_time_exceeded"}),
        );
    }

    #[test]
    fn each_edit_has_a_result_of_its_own_kind() {
        let shown = || Shown { text: "a".to_owned(), first_line: 2, lines: 1, lines_total: 3 };
        let viewed = |path| {
            let done = Done::Viewed { shown: shown(), bytes: b"a".to_vec() };
            told(&of_edit(Ok(done), path))
        };
        assert_eq!(
            viewed("a.txt"),
            json!({"type": "text_editor_code_execution_view_result", "content": "a",
                "file_type": "text", "num_lines": 1, "start_line": 2, "total_lines": 3}),
        );
        assert_eq!(
            (&viewed("a.png")["file_type"], &viewed("a.png")["content"]),
            (&json!("image"), &json!("YQ=="))
        );
        let hunk = Hunk { start: 2, old: vec!["x".to_owned()], new: vec!["y".to_owned()] };
        let replaced = told(&of_edit(Ok(Done::Replaced("f".to_owned(), hunk)), "f"));
        assert_eq!(replaced["lines"], json!(["-x", "+y"]));
        let refused = |is_missing| {
            let refused = Refused { message: String::new(), is_missing };
            told(&of_edit(Err(refused), "f"))["error_code"].clone()
        };
        assert_eq!(
            (refused(true), refused(false)),
            (json!("file_not_found"), json!("invalid_tool_input"))
        );
    }
}
