//! Sizes as people write them: `4096`, `512M`, `1.5G`. Binary units, whole bytes out.

/// Why a text is no size.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{given:?} is not a size: write bytes as 4096, 64K, 512M, 1.5G or 1T")]
pub(crate) struct InvalidSize {
    given: String,
}

const UNITS: [(char, u32); 4] = [('k', 10), ('m', 20), ('g', 30), ('t', 40)];

/// Reads a size in bytes. Units are powers of 1024; `B` and `iB` may follow them.
///
/// # Errors
/// The text is no number with at most one unit, or the size passes 64 bits.
pub(crate) fn parse(text: &str) -> Result<u64, InvalidSize> {
    let refused = || InvalidSize { given: text.to_owned() };
    let lower = text.trim().to_ascii_lowercase();
    let bare = lower.strip_suffix("ib").or_else(|| lower.strip_suffix('b')).unwrap_or(&lower);
    let unit = UNITS.iter().find_map(|(letter, shift)| Some((bare.strip_suffix(*letter)?, *shift)));
    let (number, shift) = match unit {
        Some((number, shift)) => (number.trim_end(), shift),
        None if lower.ends_with("ib") => return Err(refused()),
        None => (bare, 0),
    };
    scaled(number, 1_u64 << shift).ok_or_else(refused)
}

/// A decimal number times a factor, rounded down: no floating point, so that
/// every size is exact.
pub(crate) fn scaled(number: &str, factor: u64) -> Option<u64> {
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || !digits(whole) || !digits(fraction) || number.ends_with('.') {
        return None;
    }
    let whole = whole.parse::<u64>().ok()?.checked_mul(factor)?;
    // Nine decimals are more than any unit here can tell apart.
    let fraction = &fraction[..fraction.len().min(9)];
    let scale = 10_u128.pow(u32::try_from(fraction.len()).ok()?);
    let parts = u128::from(fraction.parse::<u64>().unwrap_or(0)) * u128::from(factor) / scale;
    whole.checked_add(u64::try_from(parts).ok()?)
}

/// Prints a size in the largest unit that leaves it whole.
pub(crate) fn format(bytes: u64) -> String {
    let whole = UNITS
        .iter()
        .rev()
        .find(|(_, shift)| bytes >> shift != 0 && bytes.is_multiple_of(1 << shift));
    match whole {
        Some((letter, shift)) => format!("{}{}", bytes >> shift, letter.to_ascii_uppercase()),
        None => bytes.to_string(),
    }
}

/// Prints a size for a sentence, rounded down: `512 B`, `1.5 kB`, `12 MB`.
pub(crate) fn rounded(bytes: u64) -> String {
    let unit = UNITS.iter().rev().find(|(_, shift)| bytes >> shift != 0);
    let Some((letter, shift)) = unit else { return format!("{bytes} B") };
    let letter = if *letter == 'k' { 'k' } else { letter.to_ascii_uppercase() };
    let (whole, rest) = (bytes >> shift, bytes & ((1 << shift) - 1));
    match (rest * 10) >> shift {
        tenths @ 1.. if whole < 10 => format!("{whole}.{tenths} {letter}B"),
        _ => format!("{whole} {letter}B"),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn sizes_read_as_people_write_them() {
        let table = [
            ("0", 0),
            ("4096", 4096),
            ("64K", 65_536),
            ("64k", 65_536),
            ("512M", 536_870_912),
            ("512MiB", 536_870_912),
            ("512 MB", 536_870_912),
            ("1.5G", 1_610_612_736),
            ("0.5K", 512),
            ("1T", 1_099_511_627_776),
            ("7B", 7),
        ];
        for (text, bytes) in table {
            assert_eq!(parse(text), Ok(bytes), "{text}");
        }
    }

    #[test]
    fn what_is_no_size_is_refused() {
        let texts =
            ["", "M", "-1", "1MM", "1.2.3", "1.", ".5", "99999999999999T", "iB", "1e9", "٣"];
        for text in texts {
            assert!(parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn sizes_in_sentences_are_short() {
        let table = [
            (0, "0 B"),
            (1023, "1023 B"),
            (1024, "1 kB"),
            (1536, "1.5 kB"),
            (12 << 10, "12 kB"),
            ((12 << 10) + 600, "12 kB"),
            ((1 << 20) - 1, "1023 kB"),
            (5 << 30, "5 GB"),
            (u64::MAX, "16777215 TB"),
        ];
        for (bytes, text) in table {
            assert_eq!(rounded(bytes), text);
        }
    }

    proptest! {
        #[test]
        fn a_printed_size_reads_back(bytes: u64) {
            prop_assert_eq!(parse(&format(bytes)), Ok(bytes));
        }

        #[test]
        fn any_text_is_read_or_refused(text in "\\PC{0,12}") {
            let _ = parse(&text);
        }
    }
}
