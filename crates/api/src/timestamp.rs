//! Moments, to the millisecond, as RFC 3339 has them.

use std::{fmt, str::FromStr, time::SystemTime};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{KnownFormat, ObjectBuilder, RefOr, Schema, SchemaFormat, Type},
};

const MILLIS_OF_DAY: i64 = 86_400_000;
const DAYS_OF_400_YEARS: i64 = 146_097;

/// Days from 0000-03-01, where years that end with February begin, to 1970-01-01.
const DAYS_TO_EPOCH: i64 = 719_468;

/// The first and the last moment that have a year of four digits.
const MOMENT_MIN_MS: i64 = -62_167_219_200_000;
const MOMENT_MAX_MS: i64 = 253_402_300_799_999;

/// A moment, such as `2001-09-09T01:46:40.000Z`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(i64);

/// The text is not a moment.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a moment: expected RFC 3339, such as 2001-09-09T01:46:40Z")]
pub struct InvalidTimestamp;

impl Timestamp {
    /// The last moment that has a year of four digits.
    pub const MAX: Self = Self(MOMENT_MAX_MS);

    /// The moment that is so many milliseconds after 1970 began, in UTC. One outside
    /// of the years 0 to 9999 becomes the nearest within.
    #[must_use]
    pub const fn from_unix_ms(unix_ms: i64) -> Self {
        match unix_ms {
            ..MOMENT_MIN_MS => Self(MOMENT_MIN_MS),
            MOMENT_MAX_MS.. => Self(MOMENT_MAX_MS),
            _ => Self(unix_ms),
        }
    }

    /// Milliseconds since 1970 began, in UTC.
    #[must_use]
    pub const fn unix_ms(self) -> i64 {
        self.0
    }
}

impl From<SystemTime> for Timestamp {
    fn from(at: SystemTime) -> Self {
        let millis = |time: std::time::Duration| i64::try_from(time.as_millis());
        Self::from_unix_ms(match at.duration_since(SystemTime::UNIX_EPOCH) {
            Ok(since) => millis(since).unwrap_or(i64::MAX),
            Err(before) => millis(before.duration()).map_or(i64::MIN, |before| -before),
        })
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (year, month, day) = civil(self.0.div_euclid(MILLIS_OF_DAY));
        let of_day = self.0.rem_euclid(MILLIS_OF_DAY);
        let (seconds, millis) = (of_day / 1000, of_day % 1000);
        let (hour, minute, second) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
        write!(
            formatter,
            "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{millis:03}Z"
        )
    }
}

impl FromStr for Timestamp {
    type Err = InvalidTimestamp;

    /// Reads RFC 3339, and a date alone as its first moment in UTC. What is finer than
    /// a millisecond is left out; a leap second is the moment after.
    fn from_str(text: &str) -> Result<Self, InvalidTimestamp> {
        parse(text).map(Self::from_unix_ms).ok_or(InvalidTimestamp)
    }
}

/// Milliseconds since 1970 of an RFC 3339 text.
fn parse(text: &str) -> Option<i64> {
    let text = text.is_ascii().then_some(text)?;
    let (date, rest) = text.split_at_checked(10)?;
    let day = days(number(date, 0..4, 0..=9999)?, month_and_day(date)?)?;
    if rest.is_empty() {
        return Some(day * MILLIS_OF_DAY);
    }
    let (time, rest) = rest.split_at_checked(9)?;
    let marks = [&time[..1], &time[3..4], &time[6..7]];
    if !matches!(marks, ["T" | "t" | " ", ":", ":"]) {
        return None;
    }
    let seconds = number(time, 1..3, 0..=23)? * 3600
        + number(time, 4..6, 0..=59)? * 60
        + number(time, 7..9, 0..=60)?;
    let (millis, zone) = fraction(rest)?;
    Some(day * MILLIS_OF_DAY + (seconds - offset(zone)?) * 1000 + millis)
}

fn month_and_day(date: &str) -> Option<(i64, i64)> {
    let marks = [&date[4..5], &date[7..8]];
    let month = number(date, 5..7, 1..=12)?;
    let day = number(date, 8..10, 1..=31)?;
    (marks == ["-", "-"]).then_some((month, day))
}

/// A number of digits alone, at a place and within bounds.
fn number(
    text: &str,
    place: std::ops::Range<usize>,
    bounds: std::ops::RangeInclusive<i64>,
) -> Option<i64> {
    let digits = text.get(place)?;
    let all = digits.bytes().all(|byte| byte.is_ascii_digit());
    let value = all.then(|| digits.parse().ok()).flatten()?;
    bounds.contains(&value).then_some(value)
}

/// The milliseconds of a fraction of a second, if there is one, and what follows.
fn fraction(rest: &str) -> Option<(i64, &str)> {
    let Some(digits) = rest.strip_prefix('.') else { return Some((0, rest)) };
    let end = digits.find(|c: char| !c.is_ascii_digit())?;
    let (digits, zone) = digits.split_at(end);
    let millis = format!("{:0<3.3}", digits);
    (!digits.is_empty()).then(|| Some((millis.parse().ok()?, zone))).flatten()
}

/// The seconds that a zone is ahead of UTC.
fn offset(zone: &str) -> Option<i64> {
    if matches!(zone, "Z" | "z") {
        return Some(0);
    }
    let sign = if zone.starts_with('+') { 1 } else { -1 };
    let whole = zone.len() == 6 && zone.starts_with(['+', '-']) && &zone[3..4] == ":";
    let hours = whole.then(|| number(zone, 1..3, 0..=23)).flatten()?;
    Some(sign * (hours * 3600 + number(zone, 4..6, 0..=59)? * 60))
}

/// Days since 1970 of a date, if there is that date.
fn days(year: i64, (month, day): (i64, i64)) -> Option<i64> {
    let (from_march, year) = if month > 2 { (month - 3, year) } else { (month + 9, year - 1) };
    let (era, of_era) = (year.div_euclid(400), year.rem_euclid(400));
    let of_year = (153 * from_march + 2) / 5 + day - 1;
    let days = era * DAYS_OF_400_YEARS + of_era * 365 + of_era / 4 - of_era / 100 + of_year
        - DAYS_TO_EPOCH;
    let (_, found_month, found_day) = civil(days);
    ((found_month, found_day) == (month, day)).then_some(days)
}

/// Year, month and day of a day since 1970, by counting years from March, so that a
/// leap day is the last of its year.
fn civil(days: i64) -> (i64, i64, i64) {
    let days = days + DAYS_TO_EPOCH;
    let (era, of_era) = (days.div_euclid(DAYS_OF_400_YEARS), days.rem_euclid(DAYS_OF_400_YEARS));
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    // Months from March have 31, 30, 31, 30, 31 days over and over: 153 of five months.
    let from_march = (5 * of_year + 2) / 153;
    let day = of_year - (153 * from_march + 2) / 5 + 1;
    let month = if from_march < 10 { from_march + 3 } else { from_march - 9 };
    (era * 400 + year_of_era + i64::from(month <= 2), month, day)
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

impl PartialSchema for Timestamp {
    fn schema() -> RefOr<Schema> {
        let format = SchemaFormat::KnownFormat(KnownFormat::DateTime);
        ObjectBuilder::new().schema_type(Type::String).format(Some(format)).into()
    }
}

impl ToSchema for Timestamp {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_come_back() {
        let table = [
            (0, "1970-01-01T00:00:00.000Z"),
            (-1, "1969-12-31T23:59:59.999Z"),
            (951_782_400_000, "2000-02-29T00:00:00.000Z"),
            (951_868_800_000, "2000-03-01T00:00:00.000Z"),
            (1_000_000_000_007, "2001-09-09T01:46:40.007Z"),
            (1_709_210_096_789, "2024-02-29T12:34:56.789Z"),
            (4_107_542_400_000, "2100-03-01T00:00:00.000Z"),
            (MOMENT_MIN_MS, "0000-01-01T00:00:00.000Z"),
            (MOMENT_MAX_MS, "9999-12-31T23:59:59.999Z"),
        ];
        for (unix_ms, text) in table {
            assert_eq!(Timestamp::from_unix_ms(unix_ms).to_string(), text);
            assert_eq!(text.parse(), Ok(Timestamp(unix_ms)), "{text}");
        }
        assert_eq!(Timestamp::from_unix_ms(i64::MAX).unix_ms(), MOMENT_MAX_MS);
        assert_eq!(Timestamp::from_unix_ms(i64::MIN).unix_ms(), MOMENT_MIN_MS);
    }

    #[test]
    fn moments_of_the_clock_are_moments() {
        let epoch = SystemTime::UNIX_EPOCH;
        let second = std::time::Duration::from_millis(1007);
        assert_eq!(Timestamp::from(epoch + second), Timestamp(1007));
        assert_eq!(Timestamp::from(epoch - second), Timestamp(-1007));
    }

    #[test]
    fn other_ways_to_write_a_moment_are_read() {
        let table = [
            ("2001-09-09", 999_993_600_000),
            ("2001-09-09T01:46:40Z", 1_000_000_000_000),
            ("2001-09-09 01:46:40.5z", 1_000_000_000_500),
            ("2001-09-09T01:46:40.0079999Z", 1_000_000_000_007),
            ("2001-09-09T03:46:40+02:00", 1_000_000_000_000),
            ("2001-09-08T23:16:40-02:30", 1_000_000_000_000),
        ];
        for (text, unix_ms) in table {
            assert_eq!(text.parse(), Ok(Timestamp(unix_ms)), "{text}");
        }
    }

    #[test]
    fn what_is_no_moment_is_refused() {
        let table = [
            "",
            "now",
            "2001-09-31",
            "2001-02-29",
            "2001-13-01",
            "2001-9-09",
            "+001-09-09",
            "2001-09-09T",
            "2001-09-09T01:46:40",
            "2001-09-09T24:00:00Z",
            "2001-09-09T01:46:40.Z",
            "2001-09-09T01:46:40+2:00",
            "2001-09-09T01:46:40é",
            "2001-09-09T01:46:40Zjunk",
        ];
        for text in table {
            assert_eq!(text.parse::<Timestamp>(), Err(InvalidTimestamp), "{text}");
        }
    }
}
