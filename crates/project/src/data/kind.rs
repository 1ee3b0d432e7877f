//! What kind of data a file holds, by its first and last bytes. Nothing is parsed: that
//! is the models' business, inside.

use std::fmt;

/// What an upload may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum DataKind {
    Csv,
    Xlsx,
    Parquet,
    Json,
}

/// How much is looked at for what text never has.
const LOOKED_AT_BYTES: usize = 64 * 1024;

/// Names' ends, and the kinds that they say.
const ENDS: [(&str, DataKind); 9] = [
    ("csv", DataKind::Csv),
    ("tsv", DataKind::Csv),
    ("txt", DataKind::Csv),
    ("xlsx", DataKind::Xlsx),
    ("xlsm", DataKind::Xlsx),
    ("parquet", DataKind::Parquet),
    ("json", DataKind::Json),
    ("jsonl", DataKind::Json),
    ("ndjson", DataKind::Json),
];

/// What the names of uploads end in, without the dot.
#[must_use]
pub fn data_suffixes() -> [&'static str; ENDS.len()] {
    ENDS.map(|(end, _)| end)
}

/// Checks that a file is data, of the kind that its name says.
///
/// # Errors
/// Why it is not taken.
pub(crate) fn check(name: &str, bytes: &[u8]) -> Result<(), String> {
    let end = name.rsplit_once('.').map(|(_, end)| end.to_ascii_lowercase());
    let Some(named) = end.as_deref().and_then(DataKind::of_end) else {
        let ends = data_suffixes().map(|end| format!(".{end}")).join(", ");
        return Err(format!("{name:?} has none of the suffixes {ends}"));
    };
    if bytes.trim_ascii().is_empty() {
        return Err(format!("{name:?} is empty"));
    }
    let found = DataKind::of_bytes(bytes).ok_or("it is neither CSV, XLSX, Parquet nor JSON")?;
    // JSON that is called a table of text is text as well.
    if named == found || (named, found) == (DataKind::Csv, DataKind::Json) {
        return Ok(());
    }
    Err(format!("{name:?} has the suffix of {named} and holds {found}"))
}

impl fmt::Display for DataKind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Csv => "CSV",
            Self::Xlsx => "XLSX",
            Self::Parquet => "Parquet",
            Self::Json => "JSON",
        })
    }
}

impl DataKind {
    fn of_end(end: &str) -> Option<Self> {
        ENDS.iter().find(|(known, _)| *known == end).map(|(_, kind)| *kind)
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
        let neither = Err("it is neither CSV, XLSX, Parquet nor JSON");
        let table: [(&str, &[u8], Result<(), &str>); 19] = [
            ("a.csv", b"x,y\n1,2\n", Ok(())),
            ("a.tsv", b"x\ty\n", Ok(())),
            ("latin.csv", b"caf\xe9;1\n", Ok(())),
            ("a.json", b"  {\"a\": 1}", Ok(())),
            ("a.jsonl", b"\xef\xbb\xbf[1]", Ok(())),
            ("a.csv", b"[1]", Ok(())),
            ("a.xlsm", b"PK\x03\x04rest", Ok(())),
            ("a.PARQUET", b"PAR1....PAR1", Ok(())),
            ("a.parquet", b"PAR1", neither),
            ("a.csv", b"\x7fELF\x02\x01\0", neither),
            ("a.parquet", b"x,y\n", Err("\"a.parquet\" has the suffix of Parquet and holds CSV")),
            ("a.csv", b"PK\x03\x04rest", Err("\"a.csv\" has the suffix of CSV and holds XLSX")),
            ("a.json", b"x,y", Err("\"a.json\" has the suffix of JSON and holds CSV")),
            ("a.csv", b"", Err("\"a.csv\" is empty")),
            ("a.json", b" \r\n", Err("\"a.json\" is empty")),
            ("a", b"x,y\n1,2\n", Err("\"a\" has none of the suffixes .csv, .tsv, ")),
            ("csv", b"x,y\n1,2\n", Err("\"csv\" has none of the suffixes ")),
            ("a.csv.gz", b"\x1f\x8b", Err("\"a.csv.gz\" has none of the suffixes ")),
            ("a.exe", b"MZ\x90\0", Err("\"a.exe\" has none of the suffixes ")),
        ];
        for (name, bytes, expected) in table {
            match (check(name, bytes), expected) {
                (Ok(()), Ok(())) => {}
                (Err(told), Err(expected)) => assert!(told.starts_with(expected), "{told}"),
                (found, _) => panic!("{name}: {found:?}"),
            }
        }
    }
}
