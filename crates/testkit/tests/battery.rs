//! The whole attack battery, as root and as an ordinary user.

use std::fmt::Write as _;

use testkit::{
    battery::{Bench, Verdict},
    case,
    target::{self, Caller},
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
    let mut bench = Bench::prepare(&binary, &[Caller::Root, Caller::User]).unwrap();
    let mut report = String::new();
    let mut passed = 0;
    for case in &cases {
        let row = bench.row(case).unwrap();
        let verdicts = [&row.as_root, &row.as_user];
        passed += usize::from(verdicts.contains(&&Some(Verdict::Passed)));
        if verdicts.contains(&&Some(Verdict::Failed)) {
            writeln!(report, "{}\n    {}", row.id, row.findings.join("\n    ")).unwrap();
        }
    }
    assert!(report.is_empty(), "not as expected:\n{report}");
    assert!(passed > cases.len() / 2, "only {passed} of {} cases are armed", cases.len());
}
