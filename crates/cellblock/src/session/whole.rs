//! Whether what was typed so far is a whole cell. Pure.
//!
//! The rule is that of Python's own prompt: an open bracket, string or line goes on,
//! and a block goes on until an empty line. Where that cannot be told, the cell
//! counts as whole, and the kernel says what is wrong with it.

/// Words that open a block at the start of a line.
const OPENERS: [&str; 9] = ["async", "class", "def", "for", "if", "match", "try", "while", "with"];

/// Words that a name can stand for as well, so that they open a block only where a
/// colon ends their line.
const SOFT_OPENERS: [&str; 1] = ["match"];

/// Whether the kernel can be given this.
pub(super) fn is_whole(cell: &str) -> bool {
    let last_line_is_empty = cell.rsplit_once('\n').is_some_and(|(_, last)| is_blank(last));
    let trimmed = cell.trim_start();
    if trimmed.starts_with("%%") {
        return last_line_is_empty;
    }
    if trimmed.starts_with(['!', '%', ':', '?']) || is_question(trimmed) {
        return !ends_with_backslash(cell);
    }
    let found = scan(cell);
    if found.is_open {
        return false;
    }
    last_line_is_empty || !found.in_block
}

fn is_blank(line: &str) -> bool {
    line.trim().is_empty()
}

/// `name?` and `name??` ask what a name is.
fn is_question(cell: &str) -> bool {
    let line = cell.trim_end();
    let name = line.trim_end_matches('?');
    let of_name = |letter: char| letter.is_alphanumeric() || matches!(letter, '_' | '.');
    name.len() < line.len() && name.chars().all(of_name)
}

fn ends_with_backslash(cell: &str) -> bool {
    cell.ends_with('\\')
}

/// What is known of Python code at its end.
#[derive(Clone, Copy, Debug, Default)]
struct Found {
    /// A bracket, a string or a line with a backslash at its end is open.
    is_open: bool,
    /// The last statement at the margin has a block, or may still get one.
    in_block: bool,
}

/// Where in the code the scanner is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Within {
    Code,
    Comment,
    /// A string; `triple` strings may hold line ends.
    Text {
        quote: char,
        triple: bool,
    },
}

fn scan(cell: &str) -> Found {
    let mut within = Within::Code;
    let mut depth = 0_usize;
    let mut found = Found::default();
    let mut line = Line::default();
    let mut margin = None;
    let mut letters = cell.chars().peekable();
    let mut escaped_end = false;
    while let Some(letter) = letters.next() {
        escaped_end = false;
        match within {
            Within::Comment if letter != '\n' => {}
            Within::Text { .. } if letter == '\\' => {
                escaped_end = letters.next().is_none();
            }
            Within::Text { quote, triple } if letter == quote => {
                if !triple || takes(&mut letters, quote) {
                    within = Within::Code;
                }
            }
            Within::Text { triple: true, .. } => {}
            // A line end in a plain string is a mistake that ends the string.
            Within::Text { .. } if letter != '\n' => {}
            _ => match letter {
                '\n' => {
                    within = Within::Code;
                    if depth == 0 {
                        found.in_block = line.ends(found.in_block, &mut margin);
                        line = Line::default();
                    }
                }
                '#' => within = Within::Comment,
                '\'' | '"' => {
                    line.push(letter);
                    within = opened(&mut letters, letter);
                }
                '\\' => escaped_end = letters.next().is_none(),
                _ => {
                    match letter {
                        '(' | '[' | '{' => depth += 1,
                        // One bracket too many is a mistake for the kernel to name.
                        ')' | ']' | '}' => depth = depth.saturating_sub(1),
                        _ => {}
                    }
                    line.push(letter);
                }
            },
        }
    }
    found.is_open = depth > 0 || escaped_end || matches!(within, Within::Text { triple: true, .. });
    found.in_block = line.ends(found.in_block, &mut margin);
    found
}

type Letters<'a> = std::iter::Peekable<std::str::Chars<'a>>;

/// Whether two more quotes follow; takes those that do.
fn takes(letters: &mut Letters<'_>, quote: char) -> bool {
    let mut next = || letters.next_if_eq(&quote).is_some();
    next() && next()
}

/// What a quote opens.
fn opened(letters: &mut Letters<'_>, quote: char) -> Within {
    if letters.next_if_eq(&quote).is_none() {
        return Within::Text { quote, triple: false };
    }
    match letters.next_if_eq(&quote) {
        Some(_) => Within::Text { quote, triple: true },
        // Two quotes are an empty string.
        None => Within::Code,
    }
}

/// The spaces that a line begins with.
fn indent(line: &str) -> usize {
    line.len() - line.trim_start().len()
}

/// The code of one logical line, without strings and comments.
#[derive(Clone, Debug, Default)]
struct Line {
    code: String,
}

impl Line {
    fn push(&mut self, letter: char) {
        self.code.push(letter);
    }

    /// Whether code is in a block after this line, given whether it was before. The
    /// first line says where the margin is.
    fn ends(&self, was_in_block: bool, margin: &mut Option<usize>) -> bool {
        if is_blank(&self.code) {
            return was_in_block;
        }
        if indent(&self.code) > *margin.get_or_insert(indent(&self.code)) {
            return true;
        }
        let code = self.code.trim_start();
        let word = code.split(|letter: char| !letter.is_alphanumeric() && letter != '_');
        let word = word.into_iter().next().unwrap_or_default();
        let by_colon = code.trim_end().ends_with(':');
        let by_word = OPENERS.contains(&word) && !SOFT_OPENERS.contains(&word);
        by_colon || by_word || code.starts_with('@')
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn lines_that_say_all_are_whole() {
        let cells = [
            "",
            "x = 1",
            "print('a:')",
            "x = {1: 2}",
            "# a comment:",
            "f(1,\n  2)",
            "'''a\nb'''",
            "x = 'it''s'",
            "''",
            "\"\"",
            "x = 1 + \\\n  2",
            "x = 1 + \\\n",
            "def f():\n    return 1\n",
            "def f():\n    return 1\n    ",
            "if x: pass\n",
            "def f():\n\n    return 1\nf()",
            "x = 'never closed",
            "f)",
            "!ls 'a",
            "!echo (",
            "%cd /tmp",
            "%timeit f(",
            "?print",
            "print?",
            "os.path??",
            ":run a.py",
            "%%bash\necho (\n",
            "match = 3",
            "format(x)",
            "classes = 1",
            "  x = 1",
            "  def f():\n    return 1\n  f()",
            "x = [\n]\n",
        ];
        for cell in cells {
            assert!(is_whole(cell), "{cell:?}");
        }
    }

    #[test]
    fn lines_that_go_on_are_not() {
        let cells = [
            "f(",
            "x = {1: [2,",
            "'''a",
            "\"\"\"a\n\n",
            "f'''{x}",
            "x = 1 + \\",
            "x = (1, # )",
            "x = 'a\\",
            "def f():",
            "def f():\n    return 1",
            "def f():\n    if x:\n        return 1\n    return 2",
            "if x: pass",
            "for i in x: print(i)",
            "while True: # for ever",
            "async def f():",
            "@decorated",
            "  def f():\n    return 1",
            "@decorated\ndef f(): pass",
            "class A:\n    '''\n    x",
            "match x:",
            "try:\n    1/0\nexcept E:",
            "if x:\n    y\nelse:",
            "f()\nif x:",
            "%%bash",
            "%%bash\necho",
            "!echo a \\",
            "'''a\\'''",
        ];
        for cell in cells {
            assert!(!is_whole(cell), "{cell:?}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig {
            failure_persistence: None,
            ..ProptestConfig::default()
        })]

        #[test]
        fn any_text_is_one_or_the_other(cell in "[ -~\n\\\\é'\"#(){}:]{0,60}") {
            let _ = is_whole(&cell);
        }

        #[test]
        fn closed_brackets_keep_nobody_waiting(name in "[a-z]{1,8}_", depth in 0_usize..20) {
            let cell = format!("{name}{}{}", "(".repeat(depth), ")".repeat(depth));
            prop_assert!(is_whole(&cell));
        }
    }
}
