//! The page about system calls in `docs/` is the one that the table makes.

use std::{env, fs, path::Path};

#[test]
fn the_page_is_current() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/syscalls.md");
    let page = policy::syscalls::markdown();
    if env::var_os("CELLBLOCK_BLESS").is_some_and(|value| value == "1") {
        fs::write(&path, &page).unwrap();
    }
    let found = fs::read_to_string(&path).unwrap_or_default();
    assert!(
        found == page,
        "docs/syscalls.md is out of date: CELLBLOCK_BLESS=1 cargo test -p policy writes it anew"
    );
}

#[test]
fn the_page_has_every_call_and_every_rule() {
    let page = policy::syscalls::markdown();
    for call in policy::syscalls::calls() {
        let rows = page.lines().filter(|line| line.starts_with(&format!("| `{}` |", call.name)));
        assert_eq!(rows.count(), 1, "{}", call.name);
    }
    for target in page.split("](#").skip(1).filter_map(|rest| rest.split(')').next()) {
        assert!(page.contains(&format!("\n### {target}\n")), "{target}");
    }
}
