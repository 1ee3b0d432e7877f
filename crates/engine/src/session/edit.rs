//! Changes to texts, as an editor makes them. Pure.

/// Why a text cannot be changed so.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EditError {
    /// There is nothing to look for.
    #[error("the text to be replaced is empty")]
    Empty,
    /// It does not have the text.
    #[error("it does not have the text to be replaced")]
    Missing,
    /// It has the text more than once.
    #[error("it has the text to be replaced {count} times")]
    Ambiguous {
        /// How often.
        count: usize,
    },
    /// It has no such line.
    #[error("it has {lines} lines, so there is no line {line}")]
    NoLine {
        /// The line.
        line: usize,
        /// How many there are.
        lines: usize,
    },
    /// The last line is before the first.
    #[error("the last line to be shown is before the first")]
    Range,
    /// It is not text.
    #[error("it is not text")]
    NotText,
    /// Something is there already.
    #[error("something is there already")]
    Exists,
}

/// The text with one passage in the place of another that it has once.
pub(super) fn replace(text: &str, old: &str, new: &str) -> Result<String, EditError> {
    if old.is_empty() {
        return Err(EditError::Empty);
    }
    match occurrences(text, old) {
        0 => Err(EditError::Missing),
        1 => Ok(text.replacen(old, new, 1)),
        count => Err(EditError::Ambiguous { count }),
    }
}

/// How often a passage begins in a text; also where it overlaps itself.
fn occurrences(text: &str, passage: &str) -> usize {
    let mut count = 0;
    let mut rest = text;
    while let Some(found) = rest.find(passage) {
        count += 1;
        let step = rest[found..].chars().next().map_or(1, char::len_utf8);
        rest = &rest[found + step..];
    }
    count
}

/// The text with another after that many of its lines. It stands in lines of its own.
pub(super) fn insert(text: &str, line: usize, new: &str) -> Result<String, EditError> {
    let lines: Vec<&str> = text.split_inclusive('\n').collect();
    if line > lines.len() {
        return Err(EditError::NoLine { line, lines: lines.len() });
    }
    let (before, after) = lines.split_at(line);
    let mut result = before.concat();
    if !result.is_empty() && !result.ends_with('\n') {
        result.push('\n');
    }
    result.push_str(new);
    if !after.is_empty() && !new.ends_with('\n') {
        result.push('\n');
    }
    result.push_str(&after.concat());
    Ok(result)
}

/// Some lines of a text, from one to another, counted from 1; with how many it has.
pub(super) fn view(
    text: &str,
    range: Option<(usize, usize)>,
) -> Result<(Vec<String>, usize, usize), EditError> {
    let lines: Vec<&str> = text.lines().collect();
    let (first, last) = range.unwrap_or((1, lines.len().max(1)));
    if last < first {
        return Err(EditError::Range);
    }
    let is_there = first >= 1 && (first <= lines.len() || first == 1);
    if !is_there {
        return Err(EditError::NoLine { line: first, lines: lines.len() });
    }
    let shown = lines.iter().skip(first - 1).take(last - first + 1);
    Ok((shown.map(|line| (*line).to_owned()).collect(), first, lines.len()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn only_a_passage_that_is_there_once_is_replaced() {
        let ok = |text: &str| Ok(text.to_owned());
        let table = [
            (("abc", "b", "x"), ok("axc")),
            (("abc", "abc", ""), ok("")),
            (("a\nb\n", "a\nb", "c"), ok("c\n")),
            (("abcb", "b", "x"), Err(EditError::Ambiguous { count: 2 })),
            (("aaa", "aa", "x"), Err(EditError::Ambiguous { count: 2 })),
            (("ééé", "éé", "x"), Err(EditError::Ambiguous { count: 2 })),
            (("abc", "d", "x"), Err(EditError::Missing)),
            (("abc", "", "x"), Err(EditError::Empty)),
        ];
        for ((text, old, new), result) in table {
            assert_eq!(replace(text, old, new), result, "{text:?} {old:?}");
        }
    }

    #[test]
    fn what_is_inserted_has_lines_of_its_own() {
        let ok = |text: &str| Ok(text.to_owned());
        let table = [
            (("", 0, "x"), ok("x")),
            (("a\nb\n", 0, "x"), ok("x\na\nb\n")),
            (("a\nb\n", 1, "x\n"), ok("a\nx\nb\n")),
            (("a\nb\n", 2, "x"), ok("a\nb\nx")),
            (("a\nb", 2, "x"), ok("a\nb\nx")),
            (("a\nb", 3, "x"), Err(EditError::NoLine { line: 3, lines: 2 })),
            (("", 1, "x"), Err(EditError::NoLine { line: 1, lines: 0 })),
        ];
        for ((text, line, new), result) in table {
            assert_eq!(insert(text, line, new), result, "{text:?} {line}");
        }
    }

    #[test]
    fn lines_are_shown_from_one_to_another() {
        let lines =
            |lines: &[&str]| lines.iter().map(|line| (*line).to_owned()).collect::<Vec<_>>();
        assert_eq!(view("a\nb\nc\n", None), Ok((lines(&["a", "b", "c"]), 1, 3)));
        assert_eq!(view("a\nb\nc\n", Some((2, 3))), Ok((lines(&["b", "c"]), 2, 3)));
        assert_eq!(view("a\nb\nc", Some((2, 99))), Ok((lines(&["b", "c"]), 2, 3)));
        assert_eq!(view("", None), Ok((lines(&[]), 1, 0)));
        assert_eq!(view("a", Some((2, 2))), Err(EditError::NoLine { line: 2, lines: 1 }));
        assert_eq!(view("a", Some((0, 1))), Err(EditError::NoLine { line: 0, lines: 1 }));
        assert_eq!(view("a\nb", Some((2, 1))), Err(EditError::Range));
    }

    proptest! {
        #![proptest_config(ProptestConfig {
            failure_persistence: None,
            ..ProptestConfig::default()
        })]

        #[test]
        fn no_edit_panics_and_each_keeps_the_rest(
            text in "[a-cé\n]{0,20}",
            old in "[a-cé\n]{0,3}",
            new in "[x\n]{0,3}",
            line in 0_usize..8,
            range in (0_usize..8, 0_usize..8),
        ) {
            if let Ok(changed) = replace(&text, &old, &new) {
                let found = text.find(&old).unwrap();
                let rest = format!("{}{}", &text[..found], &text[found + old.len()..]);
                prop_assert_eq!(changed.len(), rest.len() + new.len());
            }
            if let Ok(changed) = insert(&text, line, &new) {
                prop_assert!(changed.contains(&new));
            }
            if let Ok((lines, _, count)) = view(&text, Some(range)) {
                prop_assert!(lines.len() <= count);
            }
        }
    }
}
