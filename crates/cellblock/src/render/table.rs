//! Tables of text for reports. Pure: text in, text out.

use super::printable;

/// The widest that a cell makes its column: longer ones push only their own line.
const COLUMN_WIDTH_MAX: usize = 64;

/// How a report looks.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Style {
    /// Whether it has colours.
    pub(crate) colored: bool,
}

impl Style {
    /// What is well.
    pub(crate) fn good(self, text: &str) -> String {
        self.paint("32", text)
    }

    /// What is half well.
    pub(crate) fn doubtful(self, text: &str) -> String {
        self.paint("33", text)
    }

    /// What is not well.
    pub(crate) fn bad(self, text: &str) -> String {
        self.paint("31", text)
    }

    /// What matters less than the rest.
    pub(crate) fn dim(self, text: &str) -> String {
        self.paint("2", text)
    }

    fn paint(self, code: &str, text: &str) -> String {
        if self.colored { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
    }
}

/// Rows of cells under a header.
#[derive(Clone, Debug)]
pub(crate) struct Table {
    rows: Vec<Vec<String>>,
}

impl Table {
    /// An empty table with these headings.
    pub(crate) fn new(headings: &[&str]) -> Self {
        Self { rows: vec![headings.iter().map(|heading| (*heading).to_owned()).collect()] }
    }

    /// Adds a row. What a terminal would act on is taken out of the cells.
    pub(crate) fn row(&mut self, cells: &[&str]) {
        self.rows.push(cells.iter().map(|cell| printable(cell)).collect());
    }

    /// The table as text; `paint` colours a cell, given its column and content.
    pub(crate) fn text(&self, paint: impl Fn(usize, &str) -> String) -> String {
        let columns = self.rows.iter().map(Vec::len).max().unwrap_or(0);
        let widths: Vec<usize> = (0..columns).map(|column| self.width(column)).collect();
        let mut text = String::new();
        for (index, row) in self.rows.iter().enumerate() {
            let mut line = String::new();
            for (column, cell) in row.iter().enumerate() {
                let padding = widths[column].saturating_sub(cell.chars().count());
                let shown = if index == 0 { cell.clone() } else { paint(column, cell) };
                line = format!("{line}{shown}{}  ", " ".repeat(padding));
            }
            text = format!("{text}{}\n", line.trim_end());
        }
        text
    }

    fn width(&self, column: usize) -> usize {
        let cells = self.rows.iter().filter_map(|row| row.get(column));
        cells.map(|cell| cell.chars().count()).filter(|w| *w <= COLUMN_WIDTH_MAX).max().unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_line_up_and_lines_do_not_trail() {
        let mut table = Table::new(&["NAME", "HERE", "TOOL"]);
        table.row(&["c", "yes", "/usr/bin/gcc"]);
        table.row(&["python", "no", ""]);
        let text = table.text(|_, cell| cell.to_owned());
        assert_eq!(text, "NAME    HERE  TOOL\nc       yes   /usr/bin/gcc\npython  no\n");
    }

    #[test]
    fn colours_do_not_count_as_width() {
        let mut table = Table::new(&["A", "B"]);
        table.row(&["yes", "x"]);
        let style = Style { colored: true };
        let text = table.text(|column, cell| match column {
            0 => style.good(cell),
            _ => cell.to_owned(),
        });
        assert_eq!(text, "A    B\n\x1b[32myes\x1b[0m  x\n");
    }
}
