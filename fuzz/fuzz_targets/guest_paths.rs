//! A guest path is absolute and stays where it says; everything else is refused.

#![no_main]

use std::{
    ffi::OsStr,
    os::unix::ffi::OsStrExt,
    path::{Component, Path},
};

use libfuzzer_sys::fuzz_target;
use policy::GuestPath;

fuzz_target!(|bytes: &[u8]| {
    let given = Path::new(OsStr::from_bytes(bytes));
    let Ok(path) = GuestPath::new(given) else { return };
    let found = path.as_path();
    assert!(found.is_absolute() && found.parent().is_some());
    assert!(!found.as_os_str().as_bytes().contains(&0));
    let mut parts = found.components();
    assert_eq!(parts.next(), Some(Component::RootDir));
    assert!(parts.all(|part| matches!(part, Component::Normal(_))));
    assert_eq!(GuestPath::new(found).unwrap(), path);
    assert!(found.components().eq(given.components()), "{given:?} became {found:?}");
});
