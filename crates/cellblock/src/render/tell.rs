//! Words about a turn, for a person. Pure: what came of it in, text out.

use std::borrow::Cow;

use api::{DisplayData, ExceptionInfo, FileChange, FileChangeKind, MimeBundle, TurnResult};

use super::{
    Style,
    inline::{Picture, PictureKind},
    printable,
};
use crate::{
    failure::{Limits, account},
    size,
};

/// Files that are named after a turn; a person reads no more at a glance, and
/// `:files` lists them all.
const FILES_NAMED_MAX: usize = 8;

/// What is said where a kernel had to be replaced.
const STATE_LOST: &str = "the kernel was restarted: variables are gone, files are kept";

/// Forms of a value that can be read as they are, the best first.
const READABLE: [&str; 3] = ["text/plain", "text/markdown", "text/latex"];

/// The picture among the forms of a value.
pub(super) fn picture(data: &DisplayData) -> Option<Picture> {
    let read = |kind: PictureKind| Picture::read(kind, data.data.get(kind.mime())?.as_str()?);
    PictureKind::ALL.into_iter().find_map(read)
}

/// A value as text.
pub(super) fn text(data: &DisplayData) -> String {
    let readable = READABLE.iter().find_map(|mime| data.data.get(*mime)?.as_str());
    match (readable, data.data.get("application/json")) {
        (Some(text), _) => text.to_owned(),
        (None, Some(json)) => json.to_string(),
        (None, None) => unreadable(&data.data),
    }
}

fn unreadable(bundle: &MimeBundle) -> String {
    let mimes: Vec<_> = bundle.keys().map(|mime| printable(mime)).collect();
    format!("<{} without a form as text>", mimes.join(", "))
}

/// Text from inside for a terminal: without anything that it would act on.
pub(super) fn tamed(text: &str) -> Cow<'_, str> {
    let is_command = |letter: char| letter.is_control() && !matches!(letter, '\n' | '\t');
    if text.chars().any(is_command) {
        Cow::Owned(text.replace(is_command, "\u{fffd}"))
    } else {
        Cow::Borrowed(text)
    }
}

/// An exception with its traceback.
pub(super) fn exception(exception: &ExceptionInfo, style: Style) -> String {
    let lines = &exception.traceback;
    if lines.is_empty() {
        let text = format!("{}: {}", exception.name, exception.value);
        return format!("{}\n", style.bad(text.trim_end_matches([':', ' '])));
    }
    // What stands after the frames is what went wrong.
    let frames = lines.iter().rposition(|line| line.starts_with(' ')).map_or(0, |last| last + 1);
    let paint = |(index, line): (usize, &String)| match index {
        index if index >= frames => format!("{}\n", style.bad(line)),
        _ => format!("{line}\n"),
    };
    lines.iter().enumerate().map(paint).collect()
}

/// What a person should know of a turn beside what it wrote.
pub(super) fn remarks(result: &TurnResult, limits: &Limits) -> Vec<String> {
    let ending = match (&result.outcome, &result.detail) {
        (api::Outcome::KernelDied, None) => Some("the kernel died".to_owned()),
        (api::Outcome::KernelDied, Some(detail)) => Some(detail.clone()),
        (api::Outcome::Exited { code: 1.. }, _) => {
            let code = crate::exit::of_outcome(&result.outcome);
            Some(format!("the code asked to exit with status {code}; the session goes on"))
        }
        (outcome, _) => account(outcome, limits),
    };
    let lost = result.state_lost.then(|| STATE_LOST.to_owned());
    ending.into_iter().chain(lost).collect()
}

/// The files that a turn left otherwise than it found them, on one line.
pub(super) fn files(changes: &[FileChange]) -> Option<String> {
    if changes.is_empty() {
        return None;
    }
    let mut named: Vec<_> = changes.iter().take(FILES_NAMED_MAX).map(file).collect();
    let more = changes.len().saturating_sub(FILES_NAMED_MAX);
    if more > 0 {
        named.push(format!("and {more} more"));
    }
    Some(format!("files: {}", named.join(", ")))
}

fn file(change: &FileChange) -> String {
    let what = match change.change {
        FileChangeKind::Created => "created",
        FileChangeKind::Changed => "changed",
        FileChangeKind::Deleted => "deleted",
    };
    let path = printable(&change.path);
    match change.size_bytes {
        Some(bytes) => format!("{path} ({}, {what})", size::rounded(bytes)),
        None => format!("{path} ({what})"),
    }
}

#[cfg(test)]
mod tests {
    use api::{CapturedStream, Outcome, TurnId, Usage};

    use super::*;

    fn bundle(forms: &[(&str, &str)]) -> DisplayData {
        let data = forms.iter().map(|(mime, text)| ((*mime).to_owned(), (*text).into()));
        DisplayData { data: data.collect(), ..DisplayData::default() }
    }

    const PLAIN: Style = Style { colored: false };

    #[test]
    fn values_are_told_as_text_where_they_have_one() {
        let table: [(&[(&str, &str)], &str); 5] = [
            (&[("text/html", "<b>"), ("text/plain", "b")], "b"),
            (&[("text/markdown", "*b*"), ("text/html", "<b>")], "*b*"),
            (&[("application/json", "x")], "\"x\""),
            (&[("text/html", "<b>")], "<text/html without a form as text>"),
            (&[("a\x1b[2J", "")], "<a\u{fffd}[2J without a form as text>"),
        ];
        for (forms, expected) in table {
            assert_eq!(text(&bundle(forms)), expected, "{forms:?}");
        }
    }

    #[test]
    fn a_picture_comes_before_text_unless_it_is_none() {
        let svg = bundle(&[("image/png", "!"), ("image/svg+xml", "<svg/>"), ("text/plain", "x")]);
        assert_eq!(picture(&svg).map(|found| found.kind), Some(PictureKind::Svg));
        assert_eq!(picture(&bundle(&[("image/png", "!"), ("text/plain", "x")])), None);
    }

    #[test]
    fn nothing_from_inside_commands_a_terminal() {
        assert_eq!(tamed("a\n\tb"), "a\n\tb");
        assert_eq!(tamed("\x1b]0;x\x07\u{9b}1m\r"), "\u{fffd}]0;x\u{fffd}\u{fffd}1m\u{fffd}");
    }

    #[test]
    fn exceptions_are_red_where_they_say_what_went_wrong() {
        let info = ExceptionInfo {
            name: "ValueError".to_owned(),
            value: "a\nb".to_owned(),
            traceback: ["Traceback:", "  File", "ValueError: a", "b"].map(str::to_owned).to_vec(),
        };
        assert_eq!(exception(&info, PLAIN), "Traceback:\n  File\nValueError: a\nb\n");
        let colored = exception(&info, Style { colored: true });
        let end = "  File\n\x1b[31mValueError: a\x1b[0m\n\x1b[31mb\x1b[0m\n";
        assert_eq!(colored, format!("Traceback:\n{end}"));
        let bare = ExceptionInfo { name: "KeyError".to_owned(), ..ExceptionInfo::default() };
        assert_eq!(exception(&bare, PLAIN), "KeyError\n");
    }

    #[test]
    fn files_are_told_on_one_line() {
        let change = |path: &str, change, size_bytes| FileChange {
            path: path.to_owned(),
            change,
            size_bytes,
            sha256: None,
            mime: None,
        };
        assert_eq!(files(&[]), None);
        let few = [
            change("a.csv", FileChangeKind::Created, Some(12 << 10)),
            change("b\n", FileChangeKind::Deleted, None),
        ];
        let line = "files: a.csv (12 kB, created), b\u{fffd} (deleted)";
        assert_eq!(files(&few).as_deref(), Some(line));
        let many = vec![change("x", FileChangeKind::Changed, Some(0)); 10];
        assert!(files(&many).unwrap().ends_with("x (0 B, changed), and 2 more"));
    }

    #[test]
    fn lost_state_is_told_plainly() {
        let mut result = TurnResult {
            turn_id: TurnId::generate(),
            outcome: Outcome::Exited { code: 0 },
            stdout: CapturedStream::default(),
            stderr: CapturedStream::default(),
            displays: Vec::new(),
            result: None,
            exception: None,
            execution_count: Some(1),
            files: Vec::new(),
            usage: Usage::default(),
            state_lost: false,
            detail: None,
        };
        let told = |result: &TurnResult| remarks(result, &Limits::default());
        assert_eq!(told(&result), Vec::<String>::new());
        result.outcome = Outcome::Exited { code: 3 };
        assert_eq!(told(&result), ["the code asked to exit with status 3; the session goes on"]);
        result.outcome = Outcome::KernelDied;
        result.state_lost = true;
        assert_eq!(told(&result), ["the kernel died", STATE_LOST]);
        result.detail = Some("the kernel was ended by signal 11".to_owned());
        assert_eq!(told(&result), ["the kernel was ended by signal 11", STATE_LOST]);
    }
}
