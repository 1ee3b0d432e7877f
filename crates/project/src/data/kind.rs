//! What kind of data a file holds, by its first and last bytes. Nothing is parsed: that
//! is the models' business, inside.

/// What an upload may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum DataKind {
    Csv,
    Xlsx,
    Parquet,
    Json,
}

/// How much is looked at for what text never has.
const LOOKED_AT_BYTES: usize = 64 * 1024;

/// Names' ends by kind; the first is what a file without one gets.
const ENDS: [(DataKind, &[&str]); 4] = [
    (DataKind::Csv, &["csv", "tsv", "txt"]),
    (DataKind::Xlsx, &["xlsx", "xlsm"]),
    (DataKind::Parquet, &["parquet"]),
    (DataKind::Json, &["json", "jsonl", "ndjson"]),
];

impl DataKind {
    /// The kind of a file with that name, if both agree.
    ///
    /// # Errors
    /// Why it is not taken.
    pub(crate) fn of(name: &str, bytes: &[u8]) -> Result<Self, String> {
        let end = name.rsplit_once('.').map(|(_, end)| end.to_ascii_lowercase());
        let named = end.as_deref().and_then(Self::of_end);
        let found = Self::of_bytes(bytes).ok_or("it is neither CSV, XLSX, Parquet nor JSON")?;
        match named {
            // JSON that is called a table of text is text as well.
            Some(Self::Csv) if found == Self::Json => Ok(Self::Csv),
            Some(named) if named != found => {
                Err(format!("{name:?} is called {named:?} and holds {found:?}"))
            }
            _ => Ok(found),
        }
    }

    /// The file's name: as given where it tells the kind, else with an end that does.
    pub(crate) fn file_name(self, name: &str) -> String {
        let end = name.rsplit_once('.').map(|(_, end)| end.to_ascii_lowercase());
        match end.as_deref().and_then(Self::of_end) {
            Some(_) => name.to_owned(),
            None => format!("{name}.{}", self.end()),
        }
    }

    fn end(self) -> &'static str {
        let found = ENDS.iter().find(|(kind, _)| *kind == self);
        found.and_then(|(_, ends)| ends.first()).copied().unwrap_or_default()
    }

    fn of_end(end: &str) -> Option<Self> {
        ENDS.iter().find(|(_, ends)| ends.contains(&end)).map(|(kind, _)| *kind)
    }

    fn of_bytes(bytes: &[u8]) -> Option<Self> {
        if bytes.starts_with(b"PAR1") {
            return (bytes.len() >= 12 && bytes.ends_with(b"PAR1")).then_some(Self::Parquet);
        }
        if bytes.starts_with(b"PK\x03\x04") {
            return Some(Self::Xlsx);
        }
        let start = bytes.get(..LOOKED_AT_BYTES).unwrap_or(bytes);
        if start.is_empty() || start.iter().any(|byte| is_never_text(*byte)) {
            return None;
        }
        let start = start.strip_prefix(b"\xef\xbb\xbf").unwrap_or(start);
        match start.iter().find(|byte| !byte.is_ascii_whitespace()) {
            Some(b'{' | b'[') => Some(Self::Json),
            _ => Some(Self::Csv),
        }
    }
}

/// Bytes that no encoding of text has that tables are written in.
const fn is_never_text(byte: u8) -> bool {
    matches!(byte, 0..=8 | 14..=26 | 28..=31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_are_told_by_bytes_and_agree_with_names() {
        use DataKind::{Csv, Json, Parquet, Xlsx};
        let table: [(&str, &[u8], Option<DataKind>); 16] = [
            ("a.csv", b"x,y\n1,2\n", Some(Csv)),
            ("a", b"x,y\n1,2\n", Some(Csv)),
            ("a.tsv", b"x\ty\n", Some(Csv)),
            ("latin.csv", b"caf\xe9;1\n", Some(Csv)),
            ("a.json", b"  {\"a\": 1}", Some(Json)),
            ("a.json", b"\xef\xbb\xbf[1]", Some(Json)),
            ("a.csv", b"[1]", Some(Csv)),
            ("a.xlsx", b"PK\x03\x04rest", Some(Xlsx)),
            ("a.PARQUET", b"PAR1....PAR1", Some(Parquet)),
            ("a.parquet", b"PAR1", None),
            ("a.parquet", b"x,y\n", None),
            ("a.csv", b"PK\x03\x04rest", None),
            ("a.csv", b"\x7fELF\x02\x01\0", None),
            ("a.csv", b"", None),
            ("a.json", b"x,y", None),
            ("a.exe", b"MZ\x90\0", None),
        ];
        for (name, bytes, expected) in table {
            assert_eq!(DataKind::of(name, bytes).ok(), expected, "{name}");
        }
        assert_eq!(Csv.file_name("sales"), "sales.csv");
        assert_eq!(Csv.file_name("sales.tsv"), "sales.tsv");
        assert_eq!(Parquet.file_name("a.b"), "a.b.parquet");
    }
}
