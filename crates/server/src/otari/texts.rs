//! Texts as the editor shows and changes them. Pure.

/// Some lines of a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Shown {
    pub(super) text: String,
    /// The number of the first, counted from 1.
    pub(super) first_line: usize,
    pub(super) lines: usize,
    pub(super) lines_total: usize,
}

/// The lines that a change took away and brought.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Hunk {
    /// The first of both, counted from 1.
    pub(super) start: usize,
    pub(super) old: Vec<String>,
    pub(super) new: Vec<String>,
}

/// The text as it is, or its lines from one to another.
pub(super) fn show(text: &str, range: Option<[i64; 2]>) -> Shown {
    let lines: Vec<&str> = text.lines().collect();
    let total = lines.len();
    let Some([first, last]) = range else {
        return Shown { text: text.to_owned(), first_line: 1, lines: total, lines_total: total };
    };
    let first = usize::try_from(first.max(1)).unwrap_or(usize::MAX);
    let last = match last {
        -1 => total,
        // As Python counts from the end.
        last if last < 0 => {
            total.saturating_sub(usize::try_from(last.unsigned_abs()).unwrap_or(usize::MAX))
        }
        last => usize::try_from(last).unwrap_or(usize::MAX).min(total),
    };
    let shown = lines.get(first - 1..last).unwrap_or_default();
    Shown { text: shown.join("\n"), first_line: first, lines: shown.len(), lines_total: total }
}

/// What changes from one text to another, line by line: what lies between the lines
/// that both begin with and those that both end with.
pub(super) fn hunk(before: &str, after: &str) -> Hunk {
    let (old, new): (Vec<&str>, Vec<&str>) = (before.lines().collect(), after.lines().collect());
    let same = |(left, right): &(&&str, &&str)| left == right;
    let head = old.iter().zip(&new).take_while(same).count();
    let rest = (old.len().min(new.len())) - head;
    let tail = old.iter().rev().zip(new.iter().rev()).take(rest).take_while(same).count();
    let part = |lines: &[&str]| {
        lines[head..lines.len() - tail].iter().map(|line| (*line).to_owned()).collect()
    };
    Hunk { start: head + 1, old: part(&old), new: part(&new) }
}

/// Why bytes are no text, in Python's words; `None` where they are.
pub(super) fn decoding_error(bytes: &[u8]) -> Option<String> {
    let error = str::from_utf8(bytes).err()?;
    let place = error.valid_up_to();
    let byte = bytes.get(place)?;
    let reason = match error.error_len() {
        None => "unexpected end of data",
        Some(_) if matches!(byte, 0xc2..=0xf4) => "invalid continuation byte",
        Some(_) => "invalid start byte",
    };
    Some(format!("'utf-8' codec can't decode byte {byte:#04x} in position {place}: {reason}"))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn lines_are_counted_from_one_and_from_the_end() {
        let table = [
            ([1, 1], "one"),
            ([2, -1], "two\nthree"),
            ([0, 2], "one\ntwo"),
            ([-5, 1], "one"),
            ([2, 99], "two\nthree"),
            ([1, -2], "one"),
            ([3, 2], ""),
            ([9, 12], ""),
            ([i64::MAX, i64::MIN], ""),
        ];
        for (range, expected) in table {
            assert_eq!(show("one\ntwo\nthree\n", Some(range)).text, expected, "{range:?}");
        }
        assert_eq!(show("a\r\nb", None).text, "a\r\nb");
        let shown = show("one\ntwo\nthree\n", Some([2, 3]));
        assert_eq!((shown.first_line, shown.lines, shown.lines_total), (2, 2, 3));
    }

    #[test]
    fn what_changed_is_told_in_lines() {
        let lines = |lines: &[&str]| lines.iter().map(|line| (*line).to_owned()).collect();
        let changed = hunk("one\ntwo\nthree\n", "one\n2a\n2b\nthree\n");
        let expected = Hunk { start: 2, old: lines(&["two"]), new: lines(&["2a", "2b"]) };
        assert_eq!(changed, expected);
        let same = hunk("a\na\n", "a\na\na\n");
        assert_eq!(same, Hunk { start: 3, old: lines(&[]), new: lines(&["a"]) });
    }

    #[test]
    fn what_is_no_text_is_said_as_python_says_it() {
        let table: [(&[u8], Option<&str>); 4] = [
            ("\u{e9}".as_bytes(), None),
            (b"a\xffb", Some("byte 0xff in position 1: invalid start byte")),
            (b"a\xc3(", Some("byte 0xc3 in position 1: invalid continuation byte")),
            (b"a\xc3", Some("byte 0xc3 in position 1: unexpected end of data")),
        ];
        for (bytes, expected) in table {
            let said = decoding_error(bytes);
            let expected = expected.map(|words| format!("'utf-8' codec can't decode {words}"));
            assert_eq!(said, expected, "{bytes:?}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig {
            failure_persistence: None,
            ..ProptestConfig::default()
        })]

        #[test]
        fn a_hunk_makes_one_text_of_the_other(
            before in "[ab\n]{0,12}",
            after in "[ab\n]{0,12}",
            range in (any::<i64>(), any::<i64>()),
        ) {
            let changed = hunk(&before, &after);
            let mut lines: Vec<&str> = before.lines().collect();
            let start = changed.start - 1;
            lines.splice(
                start..start + changed.old.len(),
                changed.new.iter().map(String::as_str),
            );
            prop_assert_eq!(lines, after.lines().collect::<Vec<_>>());
            show(&before, Some([range.0, range.1]));
            decoding_error(before.as_bytes());
        }
    }
}
