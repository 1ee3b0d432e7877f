//! What the line editor asks while a person types: is it whole, how can it go on.

use api::Completion;
use engine::Session;
use rustyline::{
    Context, Helper,
    completion::{Completer, FilenameCompleter, Pair},
    error::ReadlineError,
    highlight::Highlighter,
    hint::Hinter,
    validate::{ValidationContext, ValidationResult, Validator},
};
use tokio::runtime::Handle;

use super::{order, whole};

/// The most ways to go on that are shown.
const MATCHES_MAX: usize = 1000;
/// What Tab stands for where a line is empty so far.
const INDENT: &str = "    ";

/// Answers the line editor, with the kernel's help.
pub(super) struct Typing {
    session: Session,
    runtime: Handle,
    files: FilenameCompleter,
}

impl Typing {
    pub(super) fn new(session: Session, runtime: Handle) -> Self {
        Self { session, runtime, files: FilenameCompleter::new() }
    }

    /// Asks the kernel.
    fn ask(&self, line: &str, cursor: usize) -> Option<Completion> {
        // Who presses Tab wants no message; the next turn tells what is wrong.
        self.runtime.block_on(self.session.complete(line, cursor)).ok()
    }
}

impl Helper for Typing {}

impl Highlighter for Typing {}

impl Hinter for Typing {
    type Hint = String;
}

impl Validator for Typing {
    fn validate(&self, context: &mut ValidationContext<'_>) -> rustyline::Result<ValidationResult> {
        Ok(match whole::is_whole(context.input()) {
            true => ValidationResult::Valid(None),
            false => ValidationResult::Incomplete,
        })
    }
}

impl Completer for Typing {
    type Candidate = Pair;

    fn complete(
        &self,
        line: &str,
        position: usize,
        _: &Context<'_>,
    ) -> Result<(usize, Vec<Pair>), ReadlineError> {
        let before = &line[..position];
        if order::is_order(before) {
            return match before.split_once(' ') {
                None => Ok((0, order::names(before).map(|name| pair(name.to_owned())).collect())),
                Some((":run" | ":put", _)) => self.files.complete_path(line, position),
                Some(_) => Ok((position, Vec::new())),
            };
        }
        let current = before.rsplit_once('\n').map_or(before, |(_, current)| current);
        if current.chars().all(|letter| letter == ' ') {
            let missing = INDENT.len() - current.len() % INDENT.len();
            return Ok((position, vec![pair(INDENT[..missing].to_owned())]));
        }
        let found = self.ask(line, before.chars().count());
        Ok(found.map_or((position, Vec::new()), |found| placed(found, before)))
    }
}

fn pair(text: String) -> Pair {
    Pair { display: text.clone(), replacement: text }
}

/// What the kernel found, at byte offsets of the line before the cursor. The kernel
/// counts characters, and may say anything.
fn placed(found: Completion, before: &str) -> (usize, Vec<Pair>) {
    let start = before.char_indices().map(|(offset, _)| offset).nth(found.start);
    let start = start.unwrap_or(before.len());
    let is_plain = |text: &String| !text.is_empty() && !text.chars().any(char::is_control);
    let matches = found.matches.into_iter().filter(is_plain).take(MATCHES_MAX);
    (start, matches.map(pair).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_kernel_found_stands_where_it_belongs() {
        let found = |start, matches: &[&str]| Completion {
            matches: matches.iter().map(|text| (*text).to_owned()).collect(),
            start,
            end: 5,
            types: Vec::new(),
        };
        let placed = |found, before| {
            let (start, pairs) = placed(found, before);
            (start, pairs.into_iter().map(|pair| pair.replacement).collect::<Vec<_>>())
        };
        assert_eq!(placed(found(3, &["path"]), "os.pa"), (3, vec!["path".to_owned()]));
        assert_eq!(placed(found(3, &["größe"]), "ä = gr"), (4, vec!["größe".to_owned()]));
        assert_eq!(placed(found(99, &["x"]), "é"), (2, vec!["x".to_owned()]));
        assert_eq!(placed(found(0, &["\x1b[2J", ""]), "a"), (0, Vec::new()));
        assert_eq!(placed(found(0, &["a"; 5000]), "a").1.len(), MATCHES_MAX);
    }
}
