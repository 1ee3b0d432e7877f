//! What a client wants to have run: code, a program, or a line for the shell.

use api::{Program, Source};
use engine::language;
use serde::Deserialize;
use utoipa::ToSchema;

use crate::http::Failure;

/// The most arguments of a program.
const ARGS_MAX: usize = 4096;

/// Code with its language, or a command with its arguments, or a line for the shell:
/// one of the three.
#[derive(Clone, Debug, Default, Deserialize, ToSchema)]
#[serde(default)]
pub(crate) struct Wanted {
    /// The language of the code; see `/v1/languages`.
    pub(crate) language: Option<String>,
    /// The code.
    pub(crate) code: Option<String>,
    /// The file name that messages show.
    pub(crate) file_name: Option<String>,
    /// A program of the environment, then its arguments.
    pub(crate) command: Option<Vec<String>>,
    /// A line for the shell.
    pub(crate) shell: Option<String>,
}

/// The program, and every argument that it gets.
pub(crate) fn with_args(
    wanted: Wanted,
    more: Vec<String>,
) -> Result<(Program, Vec<String>), Failure> {
    let (program, mut args) = program(wanted)?;
    args.extend(more);
    if args.len() > ARGS_MAX {
        return Err(Failure::unprocessable(format!("args: there may be {ARGS_MAX} at most")));
    }
    Ok((program, args))
}

/// The program, and the arguments that belong to it.
fn program(wanted: Wanted) -> Result<(Program, Vec<String>), Failure> {
    match wanted {
        Wanted { code: Some(text), command: None, shell: None, language, file_name } => {
            let language = language.unwrap_or_else(|| "python".to_owned());
            let known = language::find(&language);
            let file_name = file_name
                .or_else(|| known.map(|known| known.file_name.to_owned()))
                .unwrap_or_else(|| "code".to_owned());
            Ok((Program::Source(Source { language, file_name, text }), Vec::new()))
        }
        Wanted {
            code: None,
            command: Some(words),
            shell: None,
            language: None,
            file_name: None,
        } => {
            let mut words = words.into_iter();
            let empty = || Failure::unprocessable("command: it has to name a program");
            let name = words.next().ok_or_else(empty)?;
            Ok((Program::Command { name }, words.collect()))
        }
        Wanted {
            code: None,
            command: None,
            shell: Some(line),
            language: None,
            file_name: None,
        } => {
            let args = ["-c".to_owned(), line, "sh".to_owned()];
            Ok((Program::Command { name: "sh".to_owned() }, args.into()))
        }
        _ => Err(Failure::unprocessable(
            "give one of: `code` (with `language` and `file_name`), `command`, `shell`",
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exactly_one_thing_is_run() {
        let text = |text: &str| Some(text.to_owned());
        let code = Wanted { code: text("1"), ..Wanted::default() };
        let shell = Wanted { shell: text("ls"), ..Wanted::default() };
        let command = Wanted { command: Some(vec!["ls".to_owned()]), ..Wanted::default() };
        for wanted in [&code, &shell, &command] {
            assert!(program(wanted.clone()).is_ok(), "{wanted:?}");
        }
        let both = Wanted { shell: text("ls"), ..code };
        let odd = Wanted { language: text("python"), ..shell };
        let none = Wanted { command: Some(Vec::new()), ..Wanted::default() };
        for wanted in [both, odd, none, Wanted::default()] {
            assert_eq!(program(wanted).unwrap_err().status.as_u16(), 422);
        }
    }
}
