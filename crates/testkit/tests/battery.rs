//! The whole attack battery, in every way.

use std::fmt::Write as _;

use testkit::{
    battery::{Bench, Verdict},
    case,
    target::{self, Way},
};

/// Without root the battery can neither plant what only root may read nor run
/// the cases without the sandbox.
fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

#[test]
fn every_case_holds() {
    if !is_root() {
        assert!(
            std::env::var_os("CELLBLOCK_TEST_REQUIRE_ALL").is_none_or(|value| value != "1"),
            "the attack battery needs root"
        );
        eprintln!("SKIPPED: the attack battery needs root");
        return;
    }
    let cases = case::read_all().unwrap();
    let binary = target::binary().unwrap();
    let mut bench = Bench::prepare(&binary, &Way::ALL).unwrap();
    let mut report = String::new();
    let mut passed = 0;
    for case in &cases {
        let row = bench.row(case).unwrap();
        passed += usize::from(row.came(&Verdict::Passed));
        if row.came(&Verdict::Failed) {
            writeln!(report, "{}\n    {}", row.id, row.findings.join("\n    ")).unwrap();
        }
    }
    assert!(report.is_empty(), "not as expected:\n{report}");
    assert!(passed > cases.len() / 2, "only {passed} of {} cases are armed", cases.len());
}
