//! What came of code or a command, as it is told. Pure.

use api::{CapturedStream, Event, FileChange, FileChangeKind};
use engine::EventSink;

/// The return code of what was ended or did not end by itself.
pub(super) const ENDED: i32 = -1;

/// What came of code or a command.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Ran {
    pub(super) stdout: String,
    pub(super) stderr: String,
    pub(super) return_code: i32,
    /// Whether its time was over.
    pub(super) timed_out: bool,
    /// The files that it made or changed, by path.
    pub(super) files: Vec<String>,
}

impl Ran {
    /// Ended, for a reason that is told behind what it wrote to standard error.
    pub(super) fn ended(mut self, reason: &str) -> Self {
        if !self.stderr.is_empty() && !self.stderr.ends_with('\n') {
            self.stderr.push('\n');
        }
        self.stderr.push_str(reason);
        self.return_code = ENDED;
        self
    }
}

/// Takes nothing of what happens: clients get the whole at once.
pub(super) struct Unheard;

impl EventSink for Unheard {
    fn event(&mut self, _: Event<'_>) {}
}

/// The files that were made or changed.
pub(super) fn produced(changes: Vec<FileChange>) -> Vec<String> {
    let is_there = |change: &FileChange| change.change != FileChangeKind::Deleted;
    changes.into_iter().filter(is_there).map(|change| change.path).collect()
}

/// The first bytes of a stream, and how many more there were.
pub(super) fn clip(stream: &CapturedStream, most: u64) -> String {
    if stream.omitted_bytes == 0 {
        return clip_text(&stream.head, most);
    }
    let head = cut(&stream.head, most);
    marked(head, stream.total_bytes.saturating_sub(head.len() as u64))
}

/// The first bytes of a text, and how many more there were.
pub(super) fn clip_text(text: &str, most: u64) -> String {
    let head = cut(text, most);
    if head.len() == text.len() {
        return text.to_owned();
    }
    marked(head, (text.len() - head.len()) as u64)
}

/// So many bytes of a text, without a character that would be cut in two.
fn cut(text: &str, most: u64) -> &str {
    let most = usize::try_from(most).unwrap_or(usize::MAX);
    &text[..text.floor_char_boundary(most)]
}

fn marked(head: &str, left_out: u64) -> String {
    format!("{head}\n... [output truncated by sandbox: {left_out} bytes elided]")
}

/// Takes one line's end away.
pub(super) fn without_newline(text: &str) -> &str {
    text.strip_suffix('\n').unwrap_or(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stream(head: &str, total_bytes: u64, omitted_bytes: u64) -> CapturedStream {
        CapturedStream { head: head.to_owned(), tail: String::new(), total_bytes, omitted_bytes }
    }

    #[test]
    fn what_is_clipped_says_by_how_much() {
        let mark = |count| format!("\n... [output truncated by sandbox: {count} bytes elided]");
        let table = [
            (stream("abc", 3, 0), "abc".to_owned()),
            (stream("abcd", 4, 0), "abcd".to_owned()),
            (stream("abcde", 5, 0), format!("abcd{}", mark(1))),
            (stream("abcd", 100, 92), format!("abcd{}", mark(96))),
            (stream("abc\u{e9}", 5, 0), format!("abc{}", mark(2))),
            (stream("", 0, 0), String::new()),
        ];
        for (stream, expected) in table {
            assert_eq!(clip(&stream, 4), expected, "{stream:?}");
        }
    }

    #[test]
    fn a_reason_has_a_line_of_its_own() {
        let ended = |stderr: &str| {
            let ran = Ran { stderr: stderr.to_owned(), ..Ran::default() };
            ran.ended("over\n").stderr
        };
        assert_eq!(ended(""), "over\n");
        assert_eq!(ended("oops"), "oops\nover\n");
        assert_eq!(ended("oops\n"), "oops\nover\n");
        assert_eq!(Ran::default().ended("").return_code, -1);
    }

    #[test]
    fn one_newline_is_taken_away() {
        assert_eq!(without_newline("a\n\n"), "a\n");
        assert_eq!(without_newline("a"), "a");
        assert_eq!(without_newline("\n"), "");
    }
}
