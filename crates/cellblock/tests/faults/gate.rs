//! What these tests need of the machine.

use std::{
    process::Command,
    sync::{Mutex, MutexGuard, PoisonError},
};

/// Whether every tool is here; where everything is required, they must be.
pub(crate) fn has_tools(names: &[&str]) -> bool {
    names.iter().all(|name| {
        let found = Command::new(name).arg("--version").output().is_ok();
        stands(found, &format!("{name} is not installed"))
    })
}

/// Whether this is root: attaching to another's process, mounting and becoming
/// another user need that.
pub(crate) fn is_root() -> bool {
    let is_root = rustix::process::geteuid().is_root();
    if !is_root {
        // Not a lack of the machine: the same tests run as root, too.
        println!("stands aside: this is not root");
    }
    is_root
}

/// Whether a condition holds; where everything is required, it must.
pub(crate) fn stands(condition: bool, why_not: &str) -> bool {
    let all = std::env::var_os("CELLBLOCK_TEST_REQUIRE_ALL").is_some_and(|value| value == "1");
    assert!(condition || !all, "{why_not}");
    if !condition {
        println!("stands aside: {why_not}");
    }
    condition
}

/// Whether every injection is to be tried instead of some.
pub(crate) fn is_full() -> bool {
    std::env::var_os("CELLBLOCK_FAULTS").is_some_and(|value| value == "full")
}

/// Waits until no other test runs: two at one time would count each other's processes.
pub(crate) fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}
