//! Turns a language's rows into the steps of a run. Pure.

use std::path::{Path, PathBuf};

use api::Phase;
use policy::GuestPath;
use sandbox::{Action, Command, Step};

use super::{RuntimeError, source::SourceFile};
use crate::language::{Compile, Language, Toolchain, Word};

/// What the words of a command line stand for in one run.
pub(super) struct Meanings<'a> {
    pub(super) toolchain: &'a Toolchain,
    pub(super) python: Option<&'a Path>,
    pub(super) file: &'a SourceFile,
    pub(super) directory: &'a GuestPath,
}

/// The steps of a source file's run; `args` follow the last command.
///
/// # Errors
/// A path is not UTF-8, or the language's row asks for what it does not have.
pub(super) fn of_source(
    language: &Language,
    meanings: &Meanings<'_>,
    args: &[String],
) -> Result<Vec<Step>, RuntimeError> {
    let mut steps = Vec::new();
    if let Some(compile) = &language.compile {
        let action = meanings.compile(compile)?;
        steps.push(Step { phase: Phase::Compile, action });
    }
    let mut command = meanings.command(language.run)?;
    command.args.extend_from_slice(args);
    steps.push(Step { phase: Phase::Run, action: Action::Command(command) });
    Ok(steps)
}

/// The step of a program that is there already.
pub(super) fn of_command(name: &str, args: &[String], directory: &GuestPath) -> Step {
    let command =
        Command { program: PathBuf::from(name), args: args.to_vec(), directory: directory.clone() };
    Step { phase: Phase::Run, action: Action::Command(command) }
}

impl Meanings<'_> {
    fn compile(&self, compile: &Compile) -> Result<Action, RuntimeError> {
        match (compile, &self.file.target) {
            (Compile::StripTypes, Some(target)) => {
                Ok(Action::StripTypes { source: self.file.source.clone(), target: target.clone() })
            }
            (Compile::Command { words, .. }, _) => self.command(words).map(Action::Command),
            (Compile::StripTypes, None) => Err(RuntimeError::Row),
        }
    }

    fn command(&self, words: &[Word]) -> Result<Command, RuntimeError> {
        let texts = words.iter().map(|word| self.text(*word)).collect::<Result<Vec<_>, _>>()?;
        let mut texts = texts.into_iter();
        let program = texts.next().map(PathBuf::from).ok_or(RuntimeError::Row)?;
        Ok(Command { program, args: texts.collect(), directory: self.directory.clone() })
    }

    fn text(&self, word: Word) -> Result<String, RuntimeError> {
        match word {
            Word::Text(text) => Ok(text.to_owned()),
            Word::Python => utf8(self.python.ok_or(RuntimeError::Row)?),
            Word::Tool(place) => utf8(self.tool(place)?),
            Word::WithTool(text, place) => Ok(format!("{text}{}", utf8(self.tool(place)?)?)),
            Word::Source => utf8(self.file.source.as_path()),
            Word::Target => {
                utf8(self.file.target.as_ref().map(GuestPath::as_path).ok_or(RuntimeError::Row)?)
            }
            Word::MainClass => Ok(self.file.main_class.clone()),
        }
    }

    fn tool(&self, place: usize) -> Result<&Path, RuntimeError> {
        let tool = self.toolchain.tools.get(place).ok_or(RuntimeError::Row)?;
        Ok(&tool.program)
    }
}

fn utf8(path: &Path) -> Result<String, RuntimeError> {
    let text = path.to_str().ok_or_else(|| RuntimeError::NotUtf8 { path: path.to_owned() })?;
    Ok(text.to_owned())
}
