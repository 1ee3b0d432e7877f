//! What tests do where something that they need is not there.

use std::io::Write;

/// Stands aside where something is missing, or fails where nothing may be: with
/// `CELLBLOCK_TEST_REQUIRE_ALL=1`.
///
/// # Panics
/// Nothing may be missing.
pub fn missing(what: &str) {
    let all = std::env::var_os("CELLBLOCK_TEST_REQUIRE_ALL").is_some_and(|value| value == "1");
    assert!(!all, "{what} is missing, and CELLBLOCK_TEST_REQUIRE_ALL is set");
    // Nobody to tell it to is no reason to fail.
    let _ = writeln!(std::io::stderr(), "skipped: {what} is missing");
}
