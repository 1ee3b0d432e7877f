//! The driver's own tests, which are in its language.

use std::process::Command;

#[test]
fn the_drivers_own_tests_pass() {
    let ended = Command::new("python3")
        .args(["-B", "-m", "unittest", "-q", "test_driver"])
        .current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/src/driver"))
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&ended.stderr);
    assert!(ended.status.success(), "{told}");
    assert!(told.contains("Ran ") && told.contains("OK"), "{told}");
}
