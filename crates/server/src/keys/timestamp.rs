//! Moments as text: RFC 3339, UTC, milliseconds. Pure.

const MILLIS_OF_SECOND: u64 = 1000;
const SECONDS_OF_DAY: u64 = 86_400;
const DAYS_OF_400_YEARS: u64 = 146_097;

/// Days from 0000-03-01, where years that end with February begin, to 1970-01-01.
const DAYS_TO_EPOCH: u64 = 719_468;

/// The last moment that has a year of four digits, in milliseconds since 1970.
pub(super) const MOMENT_MAX_MS: u64 = 253_402_300_799_999;

/// Writes a moment, given in milliseconds since 1970, such as `2001-09-09T01:46:40.000Z`.
/// One after the year 9999 is written as the last before.
#[must_use]
pub fn rfc3339(unix_ms: u64) -> String {
    let unix_ms = unix_ms.min(MOMENT_MAX_MS);
    let (seconds, millis) = (unix_ms / MILLIS_OF_SECOND, unix_ms % MILLIS_OF_SECOND);
    let (year, month, day) = civil(seconds / SECONDS_OF_DAY);
    let of_day = seconds % SECONDS_OF_DAY;
    let (hour, minute, second) = (of_day / 3600, of_day / 60 % 60, of_day % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{millis:03}Z")
}

/// Year, month and day of a day since 1970, by counting years from March, so that a
/// leap day is the last of its year.
fn civil(days: u64) -> (u64, u64, u64) {
    let days = days + DAYS_TO_EPOCH;
    let (era, of_era) = (days / DAYS_OF_400_YEARS, days % DAYS_OF_400_YEARS);
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    // Months from March have 31, 30, 31, 30, 31 days over and over: 153 of five months.
    let from_march = (5 * of_year + 2) / 153;
    let day = of_year - (153 * from_march + 2) / 5 + 1;
    let month = if from_march < 10 { from_march + 3 } else { from_march - 9 };
    let year = era * 400 + year_of_era + u64::from(month <= 2);
    (year, month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_written_as_others_write_them() {
        let table = [
            (0, "1970-01-01T00:00:00.000Z"),
            (951_782_399_999, "2000-02-28T23:59:59.999Z"),
            (951_782_400_000, "2000-02-29T00:00:00.000Z"),
            (951_868_800_000, "2000-03-01T00:00:00.000Z"),
            (1_000_000_000_007, "2001-09-09T01:46:40.007Z"),
            (1_709_210_096_789, "2024-02-29T12:34:56.789Z"),
            (1_767_225_599_999, "2025-12-31T23:59:59.999Z"),
            (4_107_542_400_000, "2100-03-01T00:00:00.000Z"),
            (MOMENT_MAX_MS, "9999-12-31T23:59:59.999Z"),
            (u64::MAX, "9999-12-31T23:59:59.999Z"),
        ];
        for (unix_ms, text) in table {
            assert_eq!(rfc3339(unix_ms), text);
        }
    }
}
