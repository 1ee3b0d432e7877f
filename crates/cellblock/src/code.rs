//! Finds the code to run and its language: a file, text from the command line, or standard input.
//!
//! Reads the code and judges it by its name and first line; never runs anything.

use std::{
    fs::File,
    io::{self, Read},
    path::{Path, PathBuf},
};

use api::Source;
use engine::language::{self, Language};

/// The largest code: far above what people write; the rest is data and belongs in files.
const CODE_BYTES_MAX: u64 = 16 << 20;

/// Where the code is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    Text(String),
    Stdin,
    File(PathBuf),
}

/// Why there is no code to run.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CodeError {
    #[error("nothing to run was given")]
    NothingGiven,
    #[error("cannot read {what}")]
    Read {
        what: String,
        #[source]
        source: io::Error,
    },
    #[error("{what} is a directory, not a file of code")]
    Directory { what: String },
    #[error("{what} is empty")]
    Empty { what: String },
    #[error("{what} is larger than 16 MiB, which is the most that code may have")]
    TooLarge { what: String },
    #[error("{what} is not UTF-8 text: byte {offset} begins no character")]
    NotUtf8 { what: String, offset: usize },
    #[error("the file name of {what} is not UTF-8")]
    FileName { what: String },
    #[error("the language of {what} cannot be told")]
    LanguageUnclear { what: String },
    #[error("no language is called {name:?}")]
    LanguageUnknown { name: String },
}

impl CodeError {
    /// What to do about it.
    pub(crate) fn hint(&self) -> Option<String> {
        let text = match self {
            Self::NothingGiven => {
                "give a file, `-` for standard input, or code with `-c`; see `cellblock run --help`"
            }
            Self::Read { source, .. } => match source.kind() {
                io::ErrorKind::NotFound => {
                    "check the path; it is relative to the current directory"
                }
                io::ErrorKind::PermissionDenied => "check the file's permissions",
                _ => return None,
            },
            Self::Directory { .. } => {
                "give the file in it that is to run, and share the directory with `-w`"
            }
            Self::Empty { .. } => "give some code to run",
            Self::TooLarge { .. } => "pass large data with `-v`, `--upload` or standard input",
            Self::NotUtf8 { .. } => {
                "convert it to UTF-8; a compiled program runs with `cellblock exec`"
            }
            Self::FileName { .. } => "rename the file",
            Self::LanguageUnclear { .. } => {
                "name it with `--language`; `cellblock languages` lists them"
            }
            Self::LanguageUnknown { .. } => "`cellblock languages` lists them",
        };
        Some(text.to_owned())
    }
}

impl Origin {
    /// What messages call it.
    fn what(&self) -> String {
        match self {
            Self::Text(_) => "the code given with `-c`".to_owned(),
            Self::Stdin => "the code on standard input".to_owned(),
            Self::File(path) => path.display().to_string(),
        }
    }

    /// Reads the code and finds its language.
    ///
    /// # Errors
    /// See [`CodeError`].
    pub(crate) fn read(self, language: Option<&str>) -> Result<Source, CodeError> {
        let what = self.what();
        let named = language.map(named).transpose()?;
        let file_name = self.file_name()?;
        let text = match self {
            Self::Text(text) => text,
            Self::Stdin => text_of(io::stdin().lock(), &what)?,
            Self::File(path) => text_of(open(&path, &what)?, &what)?,
        };
        if text.trim().is_empty() {
            return Err(CodeError::Empty { what });
        }
        let told = || language::of_file_name(&file_name).or_else(|| of_shebang(&text));
        let language = named.or_else(told).ok_or(CodeError::LanguageUnclear { what })?;
        let file_name =
            if file_name.is_empty() { language.file_name.to_owned() } else { file_name };
        Ok(Source { language: language.name.to_owned(), file_name, text })
    }

    fn file_name(&self) -> Result<String, CodeError> {
        let Self::File(path) = self else { return Ok(String::new()) };
        let name = path.file_name().unwrap_or_default().to_str();
        name.map(str::to_owned).ok_or_else(|| CodeError::FileName { what: self.what() })
    }
}

fn named(name: &str) -> Result<&'static Language, CodeError> {
    language::find(name).ok_or_else(|| CodeError::LanguageUnknown { name: name.to_owned() })
}

fn open(path: &Path, what: &str) -> Result<File, CodeError> {
    let read = |source| CodeError::Read { what: what.to_owned(), source };
    let file = File::open(path).map_err(read)?;
    if file.metadata().map_err(read)?.is_dir() {
        return Err(CodeError::Directory { what: what.to_owned() });
    }
    Ok(file)
}

/// Everything on standard input, as code.
///
/// # Errors
/// It cannot be read, is too large, or is not text.
pub(crate) fn stdin_text() -> Result<String, CodeError> {
    text_of(io::stdin().lock(), &Origin::Stdin.what())
}

fn text_of(input: impl Read, what: &str) -> Result<String, CodeError> {
    let what = || what.to_owned();
    let mut bytes = Vec::new();
    let read = input.take(CODE_BYTES_MAX + 1).read_to_end(&mut bytes);
    read.map_err(|source| CodeError::Read { what: what(), source })?;
    if bytes.len() as u64 > CODE_BYTES_MAX {
        return Err(CodeError::TooLarge { what: what() });
    }
    String::from_utf8(bytes).map_err(|error| CodeError::NotUtf8 {
        what: what(),
        offset: error.utf8_error().valid_up_to(),
    })
}

/// The language that a first line such as `#!/usr/bin/env python3` names.
fn of_shebang(text: &str) -> Option<&'static Language> {
    let line = text.lines().next()?.strip_prefix("#!")?;
    let mut words = line.split_whitespace().map(|word| word.rsplit('/').next().unwrap_or(word));
    let mut program = words.next()?;
    if program == "env" {
        program = words.find(|word| !word.starts_with('-') && !word.contains('='))?;
    }
    let plain = program.trim_end_matches(|letter: char| letter.is_ascii_digit() || letter == '.');
    language::find(program).or_else(|| language::find(plain))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(code: &str, language: Option<&str>) -> Result<Source, CodeError> {
        Origin::Text(code.to_owned()).read(language)
    }

    #[test]
    fn shebangs_tell_the_language() {
        let table = [
            ("#!/usr/bin/env python3\n", Some("python")),
            ("#!/usr/bin/python3.11 -I\n", Some("python")),
            ("#! /bin/bash -e\n", Some("bash")),
            ("#!/usr/bin/env -S A=b node --harmony\n", Some("javascript")),
            ("#!/usr/bin/env\n", None),
            ("#!/usr/bin/make -f\n", None),
            ("#!\n", None),
            ("print(1)\n", None),
        ];
        for (code, name) in table {
            assert_eq!(of_shebang(code).map(|language| language.name), name, "{code}");
        }
    }

    #[test]
    fn the_named_language_beats_what_the_code_says() {
        let source = text("#!/bin/sh\nprint(1)", Some("py")).unwrap();
        assert_eq!(source.language, "python");
        assert!(source.file_name.ends_with(".py"), "{}", source.file_name);
    }

    #[test]
    fn code_without_a_language_or_content_is_refused() {
        assert!(matches!(text("print(1)", None), Err(CodeError::LanguageUnclear { .. })));
        assert!(matches!(text("x", Some("cobol")), Err(CodeError::LanguageUnknown { .. })));
        assert!(matches!(text(" \n\t", Some("python")), Err(CodeError::Empty { .. })));
    }

    #[test]
    fn bytes_that_are_no_text_are_located() {
        let error = text_of(&b"ab\xffc"[..], "x").unwrap_err();
        assert!(matches!(error, CodeError::NotUtf8 { offset: 2, .. }), "{error}");
    }
}
