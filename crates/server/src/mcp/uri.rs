//! Addresses of resources. Pure.

use std::fmt::Write as _;

use api::StreamName;

/// What every address begins with that leads into a session.
const SESSIONS: &str = "cellblock://sessions/";
/// The address of how the server is.
pub(super) const STATUS: &str = "health://status";
/// The template of a file's address.
pub(super) const FILE_TEMPLATE: &str = "cellblock://sessions/{session_id}/files/{+path}";
/// The template of an output's address.
pub(super) const OUTPUT_TEMPLATE: &str = "cellblock://sessions/{session_id}/runs/{run_id}/{stream}";

/// What an address leads to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// How the server is.
    Status,
    /// A file of a session.
    File { session_id: String, path: String },
    /// What a run has written.
    Output { session_id: String, run_id: String, stream: StreamName },
}

impl Place {
    pub(super) fn read(uri: &str) -> Option<Self> {
        if uri == STATUS {
            return Some(Self::Status);
        }
        let (session_id, rest) = uri.strip_prefix(SESSIONS)?.split_once('/')?;
        let session_id = session_id.to_owned();
        if let Some(path) = rest.strip_prefix("files/") {
            let path = decode(path)?;
            return Some(Self::File { session_id, path });
        }
        let (run_id, stream) = rest.strip_prefix("runs/")?.split_once('/')?;
        let run_id = run_id.to_owned();
        let stream = match stream {
            "stdout" => StreamName::Stdout,
            "stderr" => StreamName::Stderr,
            _ => return None,
        };
        Some(Self::Output { session_id, run_id, stream })
    }
}

/// The address of a file.
pub(super) fn of_file(session_id: &str, path: &str) -> String {
    format!("{SESSIONS}{session_id}/files/{}", encode(path))
}

/// The address of what a run has written.
pub(super) fn of_output(session_id: &str, run_id: &str, stream: StreamName) -> String {
    let stream = match stream {
        StreamName::Stdout => "stdout",
        StreamName::Stderr => "stderr",
    };
    format!("{SESSIONS}{session_id}/runs/{run_id}/{stream}")
}

fn encode(path: &str) -> String {
    let mut text = String::with_capacity(path.len());
    for byte in path.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte) {
            text.push(char::from(byte));
        } else {
            let _ = write!(text, "%{byte:02X}");
        }
    }
    text
}

fn decode(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((byte, after)) = rest.split_first() {
        if *byte != b'%' {
            bytes.push(*byte);
            rest = after;
            continue;
        }
        let digits = str::from_utf8(after.get(..2)?).ok()?;
        if !digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
            return None;
        }
        bytes.push(u8::from_str_radix(digits, 16).ok()?);
        rest = after.get(2..)?;
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_leads_nowhere_is_no_place() {
        let odd = [
            "",
            "health://other",
            "file:///etc/passwd",
            "cellblock://sessions/",
            "cellblock://sessions/a",
            "cellblock://sessions/a/runs/b/stdin",
            "cellblock://sessions/a/runs/b",
            "cellblock://sessions/a/files/%",
            "cellblock://sessions/a/files/%4",
            "cellblock://sessions/a/files/%+1",
            "cellblock://sessions/a/files/%ff",
        ];
        for uri in odd {
            assert_eq!(Place::read(uri), None, "{uri}");
        }
        assert_eq!(Place::read(STATUS), Some(Place::Status));
        let output = of_output("a", "b", StreamName::Stderr);
        assert!(matches!(Place::read(&output), Some(Place::Output { .. })));
    }

    proptest! {
        #![proptest_config(ProptestConfig {
            failure_persistence: None,
            ..ProptestConfig::default()
        })]

        #[test]
        fn a_path_comes_back_from_its_address(path in "\\PC{0,40}") {
            let uri = of_file("a", &path);
            prop_assert!(uri.is_ascii());
            let place = Place::File { session_id: "a".to_owned(), path };
            prop_assert_eq!(Place::read(&uri), Some(place));
        }
    }
}
