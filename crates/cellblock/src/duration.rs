//! Durations as people write them: `30s`, `1.5s`, `500ms`, `5m`, `1h`; a bare number is seconds.

use crate::size::scaled;

/// Why a text is no duration that is taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum InvalidDuration {
    /// It is none.
    #[error("{given:?} is not a duration: write 500ms, 30s, 5m, 1h or a number of seconds")]
    Malformed {
        /// The text.
        given: String,
    },
    /// It is none at all.
    #[error("{given:?} is no time at all: it must be more than zero")]
    Zero {
        /// The text.
        given: String,
    },
}

/// Longer suffixes stand before those that end them.
const UNITS: [(&str, u64); 5] =
    [("ms", 1), ("s", 1000), ("m", 60_000), ("h", 3_600_000), ("d", 86_400_000)];

/// Reads a duration in milliseconds.
///
/// # Errors
/// The text is no number with at most one unit, is zero, or passes 64 bits.
pub(crate) fn parse(text: &str) -> Result<u64, InvalidDuration> {
    let given = text.to_owned();
    let text = text.trim();
    let unit = UNITS.iter().find_map(|(unit, millis)| Some((text.strip_suffix(unit)?, *millis)));
    let (number, millis) = unit.unwrap_or((text, 1000));
    match scaled(number.trim_end(), millis) {
        Some(0) => Err(InvalidDuration::Zero { given }),
        Some(total) => Ok(total),
        None => Err(InvalidDuration::Malformed { given }),
    }
}

/// Prints a duration in the largest unit that leaves it whole.
pub(crate) fn format(millis: u64) -> String {
    let whole =
        UNITS.iter().rev().find(|(_, unit)| millis >= *unit && millis.is_multiple_of(*unit));
    match whole {
        Some((name, unit)) => format!("{}{name}", millis / unit),
        None => format!("{millis}ms"),
    }
}

/// Prints a duration for a sentence: `2 s`, `1.5 s`.
pub(crate) fn seconds(millis: u64) -> String {
    match millis % 1000 {
        0 => format!("{} s", millis / 1000),
        rest => format!("{}.{} s", millis / 1000, format!("{rest:03}").trim_end_matches('0')),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn durations_read_as_people_write_them() {
        let table = [
            ("30", 30_000),
            ("0.5", 500),
            ("30s", 30_000),
            ("1.5s", 1500),
            ("500ms", 500),
            ("5m", 300_000),
            ("1h", 3_600_000),
            ("2d", 172_800_000),
        ];
        for (text, millis) in table {
            assert_eq!(parse(text), Ok(millis), "{text}");
        }
    }

    #[test]
    fn what_is_no_duration_is_refused() {
        for text in ["", "-1s", "s", "1 year", "1.s", "5mm", "999999999999999999d"] {
            assert_eq!(parse(text), Err(InvalidDuration::Malformed { given: text.into() }));
        }
        for text in ["0", "0s", "0.0", "0.0001s"] {
            assert_eq!(parse(text), Err(InvalidDuration::Zero { given: text.into() }));
        }
    }

    #[test]
    fn sentences_have_seconds() {
        assert_eq!(seconds(2000), "2 s");
        assert_eq!(seconds(1500), "1.5 s");
        assert_eq!(seconds(40), "0.04 s");
    }

    proptest! {
        #[test]
        fn a_printed_duration_reads_back(millis in 1_u64..) {
            prop_assert_eq!(parse(&format(millis)), Ok(millis));
        }
    }
}
