//! A session's tools: functions of the host side that its code calls by name.
//!
//! Code sees them in a module; a call goes over the kernel's socket and is made by
//! whoever registered the tools. The kernel is told of them before its next turn, and
//! so is every kernel that takes its place.

use std::{
    collections::HashSet,
    fmt,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use ::kernel::{NoTools, TOOL_NAME_BYTES_MAX, ToolHost, ToolSpec};

use super::{Inner, Session, SessionError, live::Turns};

/// The most tools that a session has: more than a model can choose from.
const TOOLS_MAX: usize = 128;
/// The longest description of a tool; all together stay far below what one message to
/// a kernel holds.
const DOC_BYTES_MAX: usize = 16 * 1024;
/// How long a kernel may take to learn of its tools. User code has no part in it, as a
/// rule.
const TELL_TIME_MAX: Duration = Duration::from_secs(5);
/// What is shown of a name that cannot be one.
const SHOWN_CHARS_MAX: usize = 100;

/// The words that cannot be names in Python.
const KEYWORDS: [&str; 35] = [
    "False", "None", "True", "and", "as", "assert", "async", "await", "break", "class", "continue",
    "def", "del", "elif", "else", "except", "finally", "for", "from", "global", "if", "import",
    "in", "is", "lambda", "nonlocal", "not", "or", "pass", "raise", "return", "try", "while",
    "with", "yield",
];
/// What the module itself has.
const EXCEPTION: &str = "ToolError";

/// Why tools cannot be registered.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ToolsError {
    /// A name is no identifier, or one that the module needs itself.
    #[error("invalid tool name: '{name}'")]
    Name {
        /// The name, or its beginning.
        name: String,
    },
    /// A name is a word of the language.
    #[error("tool name shadows Python keyword: '{name}'")]
    Keyword {
        /// The name.
        name: String,
    },
    /// Two tools have one name.
    #[error("duplicate tool name: '{name}'")]
    Duplicate {
        /// The name.
        name: String,
    },
    /// There are too many.
    #[error("{count} tools are more than a session has, which is {TOOLS_MAX}")]
    TooMany {
        /// How many there are.
        count: usize,
    },
    /// A description is too long.
    #[error("the description of tool '{name}' has more than {DOC_BYTES_MAX} bytes")]
    Doc {
        /// The tool's name.
        name: String,
    },
}

/// Tools, and who calls them.
pub(super) struct Tools {
    pub(super) specs: Vec<ToolSpec>,
    pub(super) host: Arc<dyn ToolHost>,
    /// How many times tools were registered before: what a kernel was told last.
    version: u64,
}

/// The tools that a session has now.
pub(super) struct Registered(Mutex<Arc<Tools>>);

impl fmt::Debug for Registered {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Registered").finish_non_exhaustive()
    }
}

impl Registered {
    /// None, which is what a new kernel has.
    pub(super) fn new() -> Self {
        let none = Tools { specs: Vec::new(), host: Arc::new(NoTools), version: 0 };
        Self(Mutex::new(Arc::new(none)))
    }

    fn current(&self) -> Arc<Tools> {
        Arc::clone(&self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn replace(&self, specs: Vec<ToolSpec>, host: Arc<dyn ToolHost>) {
        let mut current = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let version = current.version + 1;
        *current = Arc::new(Tools { specs, host, version });
    }
}

impl Session {
    /// Has the session's code find these tools and no others, called by `host`, in the
    /// modules `_platform_tools` and `cellblock_tools`. It does so from the next turn
    /// on; the one under way keeps what it began with.
    ///
    /// The time of a turn runs on while it waits for a tool. When it is over, or the
    /// turn is interrupted, the calls in flight are dropped.
    ///
    /// # Errors
    /// The session is closed, or there cannot be such tools.
    pub fn set_tools(
        &self,
        specs: Vec<ToolSpec>,
        host: Arc<dyn ToolHost>,
    ) -> Result<(), SessionError> {
        let _active = self.inner.begin()?;
        check(&specs)?;
        self.inner.tools.replace(specs, host);
        Ok(())
    }
}

impl Inner {
    /// Makes sure that there is an idle kernel, and that it knows the session's tools.
    pub(super) async fn ready(&self, turns: &mut Turns) -> Result<Arc<Tools>, SessionError> {
        self.recover(turns).await?;
        let tools = self.tools.current();
        if self.tell(turns, &tools).await.is_err() {
            // One that cannot even learn of tools is of no use.
            self.replace(turns).await?;
            self.tell(turns, &tools).await?;
        }
        Ok(tools)
    }

    async fn tell(&self, turns: &mut Turns, tools: &Tools) -> Result<(), SessionError> {
        let live = turns.live()?;
        if live.tools_version != tools.version {
            Self::short(live.kernel.set_tools(&tools.specs), TELL_TIME_MAX).await?;
            live.tools_version = tools.version;
        }
        Ok(())
    }
}

fn check(specs: &[ToolSpec]) -> Result<(), ToolsError> {
    if specs.len() > TOOLS_MAX {
        return Err(ToolsError::TooMany { count: specs.len() });
    }
    let mut names = HashSet::new();
    for ToolSpec { name, doc } in specs {
        let shown = || name.chars().take(SHOWN_CHARS_MAX).collect();
        if !is_name(name) {
            return Err(ToolsError::Name { name: shown() });
        }
        if KEYWORDS.contains(&name.as_str()) {
            return Err(ToolsError::Keyword { name: shown() });
        }
        if !names.insert(name) {
            return Err(ToolsError::Duplicate { name: shown() });
        }
        if doc.len() > DOC_BYTES_MAX {
            return Err(ToolsError::Doc { name: shown() });
        }
    }
    Ok(())
}

/// An identifier of ASCII, and none to which Python, or the module, gives a meaning.
fn is_name(name: &str) -> bool {
    let is_letter = |byte: &u8| byte.is_ascii_alphabetic() || *byte == b'_';
    let is_identifier = name.len() <= TOOL_NAME_BYTES_MAX
        && name.as_bytes().first().is_some_and(is_letter)
        && name.bytes().all(|byte| byte.is_ascii_digit() || is_letter(&byte));
    is_identifier && !(name.starts_with("__") && name.ends_with("__")) && name != EXCEPTION
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tool(name: &str) -> ToolSpec {
        ToolSpec { name: name.to_owned(), doc: String::new() }
    }

    #[test]
    fn names_are_identifiers_that_mean_nothing_yet() {
        let table = [
            ("search", None),
            ("_call", None),
            ("A1_", None),
            ("_", None),
            ("match", None),
            ("1a", Some("invalid tool name: '1a'")),
            ("", Some("invalid tool name: ''")),
            ("a-b", Some("invalid tool name: 'a-b'")),
            ("a\n", Some("invalid tool name: 'a\n'")),
            ("\u{e9}t\u{e9}", Some("invalid tool name: '\u{e9}t\u{e9}'")),
            ("__getattr__", Some("invalid tool name: '__getattr__'")),
            ("__", Some("invalid tool name: '__'")),
            ("ToolError", Some("invalid tool name: 'ToolError'")),
            ("class", Some("tool name shadows Python keyword: 'class'")),
            ("None", Some("tool name shadows Python keyword: 'None'")),
        ];
        for (name, error) in table {
            let said = check(&[tool(name)]).err().map(|error| error.to_string());
            assert_eq!(said.as_deref(), error, "{name}");
        }
    }

    #[test]
    fn tools_are_bounded_in_number_and_size_and_differ() {
        let many = |count: usize| (0..count).map(|n| tool(&format!("t{n}"))).collect::<Vec<_>>();
        assert_eq!(check(&many(TOOLS_MAX)), Ok(()));
        assert_eq!(check(&many(TOOLS_MAX + 1)), Err(ToolsError::TooMany { count: TOOLS_MAX + 1 }));
        let twice = check(&[tool("a"), tool("b"), tool("a")]).unwrap_err();
        assert_eq!(twice.to_string(), "duplicate tool name: 'a'");
        let long = ToolSpec { doc: "x".repeat(DOC_BYTES_MAX + 1), ..tool("a") };
        assert_eq!(check(&[long]), Err(ToolsError::Doc { name: "a".to_owned() }));
        let name = "n".repeat(100_000);
        assert!(check(&[tool(&name)]).unwrap_err().to_string().len() < 200);
    }
}
