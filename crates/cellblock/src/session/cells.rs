//! Divides a text into cells at lines `# %%`, as editors do. Pure.

/// What a line that begins a cell begins with.
const MARK: &str = "# %%";

/// The cells of a text; those without anything in them are left out.
pub(super) fn cells(text: &str) -> Vec<&str> {
    let mut cells = Vec::new();
    let mut start = 0;
    let mut offset = 0;
    for line in text.split_inclusive('\n') {
        if line.starts_with(MARK) {
            cells.push(&text[start..offset]);
            start = offset + line.len();
        }
        offset += line.len();
    }
    cells.push(&text[start..]);
    cells.retain(|cell| !cell.trim().is_empty());
    cells
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_divide_and_are_not_part_of_a_cell() {
        let table: [(&str, &[&str]); 6] = [
            ("", &[]),
            ("x = 1\n", &["x = 1\n"]),
            ("# %%\n# %%\n\n", &[]),
            ("a\n# %%\nb\n# %% a title\nc", &["a\n", "b\n", "c"]),
            ("# %%\r\na\r\n", &["a\r\n"]),
            ("x = '''\n # %%\n'''", &["x = '''\n # %%\n'''"]),
        ];
        for (text, expected) in table {
            assert_eq!(cells(text), expected, "{text:?}");
        }
    }
}
