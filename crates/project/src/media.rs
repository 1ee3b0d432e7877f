//! What a file is, told by its name.

use std::path::Path;

/// Names' ends and what they stand for.
const KINDS: [(&str, &str); 22] = [
    ("csv", "text/csv"),
    ("tsv", "text/tab-separated-values"),
    ("txt", "text/plain"),
    ("log", "text/plain"),
    ("md", "text/markdown"),
    ("html", "text/html"),
    ("json", "application/json"),
    ("jsonl", "application/x-ndjson"),
    ("ndjson", "application/x-ndjson"),
    ("xml", "application/xml"),
    ("yaml", "application/yaml"),
    ("yml", "application/yaml"),
    ("png", "image/png"),
    ("jpg", "image/jpeg"),
    ("jpeg", "image/jpeg"),
    ("gif", "image/gif"),
    ("webp", "image/webp"),
    ("svg", "image/svg+xml"),
    ("pdf", "application/pdf"),
    ("parquet", "application/vnd.apache.parquet"),
    ("xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
    ("zip", "application/zip"),
];

/// What a file of that name is.
pub(crate) fn media_type(name: &str) -> &'static str {
    let end = Path::new(name).extension().and_then(|end| end.to_str()).unwrap_or_default();
    let found = KINDS.iter().find(|(known, _)| end.eq_ignore_ascii_case(known));
    found.map_or("application/octet-stream", |(_, kind)| kind)
}

/// Whether it is text that a person can read.
pub(crate) fn is_text(media_type: &str) -> bool {
    media_type.starts_with("text/")
        || matches!(media_type, "application/x-ndjson" | "application/xml" | "application/yaml")
}

/// The media type of JSON.
pub(crate) const JSON: &str = "application/json";
