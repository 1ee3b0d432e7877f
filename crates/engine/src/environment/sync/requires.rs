//! Which versions of Python a project's `requires-python` lets in. Pure.

/// A version of Python: its numbers, as far as they are known.
pub(super) type Version = Vec<u64>;

/// The numbers of a version, such as `3.12.4` or `3.13.0rc1`; what stands after
/// the numbers is left out.
pub(super) fn version(text: &str) -> Version {
    let numbers = text.trim().split('.').map_while(|part| {
        let digits: String = part.chars().take_while(char::is_ascii_digit).collect();
        digits.parse().ok()
    });
    numbers.take(3).collect()
}

/// Whether a specifier such as `>=3.11,<4` lets a version in, numbers that are
/// not known taken as fitting; `None` if the specifier is malformed.
pub(super) fn allows(specifier: &str, found: &[u64]) -> Option<bool> {
    let mut all = true;
    for clause in specifier.split(',').map(str::trim).filter(|clause| !clause.is_empty()) {
        all &= clause_allows(clause, found)?;
    }
    Some(all)
}

fn clause_allows(clause: &str, found: &[u64]) -> Option<bool> {
    const OPERATORS: [&str; 8] = ["===", "==", "!=", ">=", "<=", "~=", ">", "<"];
    let operator = OPERATORS.iter().find(|operator| clause.starts_with(**operator))?;
    let given = clause[operator.len()..].trim();
    let is_family = given.ends_with(".*");
    let wanted = version(given.trim_end_matches(".*"));
    if wanted.is_empty() {
        return None;
    }
    let equal = starts_alike(&wanted, found) && (is_family || is_zero_after(found, wanted.len()));
    let order = compare(found, &wanted);
    Some(match *operator {
        "===" | "==" => equal,
        "!=" => !equal,
        ">=" => order.is_ge(),
        "<=" => order.is_le(),
        "~=" => order.is_ge() && starts_alike(&wanted[..wanted.len().max(2) - 1], found),
        ">" => order.is_gt(),
        _ => order.is_lt(),
    })
}

/// Whether the numbers known of both are the same.
fn starts_alike(wanted: &[u64], found: &[u64]) -> bool {
    wanted.iter().zip(found).all(|(left, right)| left == right)
}

fn is_zero_after(found: &[u64], length: usize) -> bool {
    found.iter().skip(length).all(|number| *number == 0)
}

/// Compares with zeros for what is not written, as far as the version found is known.
fn compare(found: &[u64], wanted: &[u64]) -> std::cmp::Ordering {
    let wanted = wanted.iter().copied().chain(std::iter::repeat(0));
    found.iter().copied().cmp(wanted.take(found.len()))
}

#[cfg(test)]
mod tests {
    use super::{allows, version};

    #[test]
    fn versions_are_let_in_as_specified() {
        let table = [
            (">=3.11", "3.11.2", Some(true)),
            (">=3.11", "3.10.9", Some(false)),
            (">=3.11,<3.13", "3.12", Some(true)),
            (">=3.11,<3.13", "3.13.0", Some(false)),
            ("==3.12.*", "3.12.7", Some(true)),
            ("==3.12.*", "3.13.0", Some(false)),
            ("==3.12.4", "3.12.4", Some(true)),
            ("==3.12.4", "3.12.5", Some(false)),
            ("==3.12.4", "3.12", Some(true)),
            ("~=3.11", "3.14.0", Some(true)),
            ("~=3.11", "4.0.0", Some(false)),
            ("~=3.11.2", "3.11.9", Some(true)),
            ("~=3.11.2", "3.12.0", Some(false)),
            ("!=3.12.1", "3.12.1", Some(false)),
            (">3.11", "3.11.1", Some(true)),
            ("<=3.11", "3.11.0", Some(true)),
            ("", "3.11.0", Some(true)),
            ("3.11", "3.11.0", None),
            (">=", "3.11.0", None),
            (">=x", "3.11.0", None),
        ];
        for (specifier, found, expected) in table {
            assert_eq!(allows(specifier, &version(found)), expected, "{specifier} {found}");
        }
    }
}
