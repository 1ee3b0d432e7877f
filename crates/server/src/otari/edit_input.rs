//! What the editor is asked to do, read from a call's input. Pure.

use serde_json::Value;

use super::{
    lax::{Fields, integer, list, literal, string},
    wrong::Wrong,
};

const COMMANDS: [&str; 5] = ["view", "create", "str_replace", "insert", "undo_edit"];

/// What the editor is asked to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Wanted {
    pub(super) path: String,
    pub(super) command: Command,
}

/// One of the editor's commands; what it needs may be lacking.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Command {
    View { range: Option<[i64; 2]> },
    Create { text: Option<String> },
    Replace { old: Option<String>, new: Option<String> },
    Insert { line: Option<i64>, text: Option<String> },
    Undo,
}

/// Reads the input of a call.
pub(super) fn read(input: &Value) -> Result<Wanted, Wrong> {
    let mut fields = Fields::of(input, &[])?;
    let command = fields.required("command", &literal(&COMMANDS));
    let path = fields.required("path", &string);
    let text = fields.nullable("file_text", &string);
    let range = fields.nullable("view_range", &list(integer));
    let old = fields.nullable("old_str", &string);
    let new = fields.nullable("new_str", &string);
    let line = fields.nullable("insert_line", &integer);
    let (Some(command), Some(path), true) = (command, path, fields.problems.is_empty()) else {
        return Err(Wrong::Fields(fields.problems));
    };
    let command = match command {
        0 => Command::View { range: range.and_then(|range| range.try_into().ok()) },
        1 => Command::Create { text },
        2 => Command::Replace { old, new },
        3 => Command::Insert { line, text: new },
        _ => Command::Undo,
    };
    Ok(Wanted { path, command })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn each_command_takes_what_belongs_to_it() {
        let text = |text: &str| Some(text.to_owned());
        let table = [
            (json!({"command": "view"}), Command::View { range: None }),
            (
                json!({"command": "view", "view_range": ["2", -1]}),
                Command::View { range: Some([2, -1]) },
            ),
            (json!({"command": "view", "view_range": [1]}), Command::View { range: None }),
            (json!({"command": "create", "file_text": ""}), Command::Create { text: text("") }),
            (json!({"command": "create", "file_text": null}), Command::Create { text: None }),
            (
                json!({"command": "str_replace", "old_str": "a", "new_str": "b"}),
                Command::Replace { old: text("a"), new: text("b") },
            ),
            (
                json!({"command": "insert", "insert_line": "3", "new_str": "b"}),
                Command::Insert { line: Some(3), text: text("b") },
            ),
            (json!({"command": "undo_edit", "unknown": 1}), Command::Undo),
        ];
        for (mut input, command) in table {
            input["path"] = "f".into();
            assert_eq!(read(&input).unwrap(), Wanted { path: "f".to_owned(), command }, "{input}");
        }
        for input in [json!({}), json!({"command": "rm", "path": "f"}), json!([])] {
            assert!(read(&input).is_err(), "{input}");
        }
    }
}
