//! The languages: which there are, what each needs, and where the host has it.
//!
//! A language is one row of [`LANGUAGES`]. What a row names is looked for by
//! reading the file system; nothing is ever started to find out.

pub(crate) mod discover;
mod error;
pub(crate) mod java;
pub(crate) mod module_kind;
pub(crate) mod prefix;
pub mod python;
mod rust;
mod table;
pub(crate) mod trail;
pub mod typescript;

pub use discover::{FoundTool, Search, Toolchain, availability};
pub use error::{PrefixRefused, ToolchainMissing};
pub use table::LANGUAGES;
pub(crate) use table::PYTHON_ENV_VARS;

/// One language.
#[derive(Debug)]
pub struct Language {
    /// Its name.
    pub name: &'static str,
    /// Other names that callers may use.
    pub aliases: &'static [&'static str],
    /// Endings of its file names, without the dot; the usual one first.
    pub suffixes: &'static [&'static str],
    /// The file name of code that comes without one.
    pub file_name: &'static str,
    /// The programs it needs.
    pub tools: &'static [Tool],
    /// What makes something that can be run of the source, if anything must.
    pub compile: Option<Compile>,
    /// What runs it: the program, then its arguments; the caller's follow.
    pub run: &'static [Word],
    /// Env vars that its programs get.
    pub env_vars: &'static [(&'static str, &'static str)],
    /// What it reads in the host's `/etc`; a `*` at the end stands for any rest.
    pub etc: &'static [&'static str],
    /// How an operator gets it.
    pub install: Install,
}

/// A program that a language needs.
#[derive(Debug)]
pub struct Tool {
    /// The names it may have, the preferred one first.
    pub names: &'static [&'static str],
}

/// How an operator gets a language's programs.
#[derive(Debug)]
pub struct Install {
    /// The packages of Debian and Ubuntu.
    pub debian: &'static str,
    /// Where else it comes from.
    pub elsewhere: &'static str,
}

impl Install {
    /// One sentence on how to get it.
    #[must_use]
    pub fn hint(&self) -> String {
        format!("on Debian or Ubuntu: apt install {}; otherwise: {}", self.debian, self.elsewhere)
    }
}

/// The step before a program runs.
#[derive(Debug)]
pub enum Compile {
    /// A program with its arguments.
    Command {
        /// The command line.
        words: &'static [Word],
        /// The guest path of what it makes.
        target: &'static str,
    },
    /// TypeScript's types are taken out by the sandbox's own process.
    StripTypes,
}

/// One word of a command line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Word {
    /// As it stands.
    Text(&'static str),
    /// The guest path of the environment's Python.
    Python,
    /// The guest path of a tool, by its place in [`Language::tools`].
    Tool(usize),
    /// A text with the guest path of a tool after it.
    WithTool(&'static str, usize),
    /// The guest path of the source file.
    Source,
    /// The guest path of what the compile step makes.
    Target,
    /// The name of the Java class to start.
    MainClass,
}

/// The language of a name or alias, in any case of letters.
#[must_use]
pub fn find(name: &str) -> Option<&'static Language> {
    let name = name.trim();
    let is = |known: &str| known.eq_ignore_ascii_case(name);
    LANGUAGES.iter().find(|language| is(language.name) || language.aliases.iter().any(|a| is(a)))
}

/// The language that a file name's ending tells.
#[must_use]
pub fn of_file_name(file_name: &str) -> Option<&'static Language> {
    let (stem, suffix) = file_name.rsplit_once('.')?;
    if stem.is_empty() || stem.ends_with('/') {
        return None;
    }
    let exact = |language: &&Language| language.suffixes.contains(&suffix);
    let folded =
        |language: &&Language| language.suffixes.iter().any(|s| s.eq_ignore_ascii_case(suffix));
    LANGUAGES.iter().find(exact).or_else(|| LANGUAGES.iter().find(folded))
}
