//! Reads what the probe printed. It ran inside, so every byte of this is hostile:
//! bounded, and read or counted as unreadable, never believed to be well.

use std::collections::BTreeMap;

use api::CapturedStream;
use serde::{Deserialize, Serialize};

use crate::render::printable;

/// The most lines that are read; the probe prints some dozens.
const LINES_MAX: usize = 1024;
/// The longest name or value that is kept.
const TEXT_CHARS_MAX: usize = 200;

/// Answers of the host kernel that mean no: EPERM, ENOENT, EACCES, EROFS, ENOSYS.
/// Any other comes from a call that was let through.
const REFUSALS: [i32; 5] = [1, 2, 13, 30, 38];

/// What the probe found.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub(super) struct Findings {
    pub(super) attempts: Vec<Attempt>,
    pub(super) facts: BTreeMap<String, String>,
    /// Lines that are none of the probe's.
    pub(super) unreadable: usize,
}

/// A forbidden act, and what came of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Attempt {
    pub(super) attempt: String,
    pub(super) errno: i32,
    pub(super) refused: bool,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Line {
    Attempt { attempt: String, errno: i32 },
    Fact { fact: String, value: String },
}

impl Findings {
    /// Reads what was kept of the probe's output.
    pub(super) fn read(output: &CapturedStream) -> Self {
        let mut findings = Self::default();
        if output.omitted_bytes > 0 {
            findings.unreadable += 1;
        }
        for line in output.head.lines().chain(output.tail.lines()).take(LINES_MAX) {
            match serde_json::from_str(line) {
                Ok(Line::Attempt { attempt, errno }) => findings.attempts.push(Attempt {
                    attempt: bounded(&attempt),
                    errno,
                    refused: REFUSALS.contains(&errno),
                }),
                Ok(Line::Fact { fact, value }) => {
                    findings.facts.insert(bounded(&fact), bounded(&value));
                }
                Err(_) => findings.unreadable += 1,
            }
        }
        findings
    }

    /// Whether every act was refused, and there were some.
    pub(super) fn is_well(&self) -> bool {
        let all_refused = self.attempts.iter().all(|attempt| attempt.refused);
        self.unreadable == 0 && !self.attempts.is_empty() && all_refused
    }
}

fn bounded(text: &str) -> String {
    printable(text).chars().take(TEXT_CHARS_MAX).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(text: &str) -> Findings {
        Findings::read(&CapturedStream { head: text.to_owned(), ..CapturedStream::default() })
    }

    #[test]
    fn acts_are_refused_or_not_by_their_errno() {
        let findings =
            read("{\"attempt\":\"bpf\",\"errno\":1}\n{\"fact\":\"CapEff\",\"value\":\"0\"}\n");
        assert!(findings.is_well());
        assert_eq!(findings.facts["CapEff"], "0");
        assert!(!read("{\"attempt\":\"bpf\",\"errno\":0}").is_well());
        assert!(!read("{\"attempt\":\"bpf\",\"errno\":22}").is_well());
    }

    #[test]
    fn silence_and_nonsense_are_not_well() {
        assert!(!read("").is_well());
        assert!(!read("{\"attempt\":\"bpf\",\"errno\":1}\nall is well, trust me\n").is_well());
        let cut = CapturedStream {
            head: "{\"attempt\":\"bpf\",\"errno\":1}\n".to_owned(),
            omitted_bytes: 9,
            ..CapturedStream::default()
        };
        assert!(!Findings::read(&cut).is_well());
    }

    proptest! {
        #[test]
        fn any_text_is_read_within_bounds(text in "(\\PC|\n|\\{|\"){0,200}") {
            let findings = read(&text);
            prop_assert!(findings.attempts.len() + findings.facts.len() <= LINES_MAX);
        }
    }
}
