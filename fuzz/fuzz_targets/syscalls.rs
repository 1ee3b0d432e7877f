//! The compiled filter and the independent reading of its table say the same of
//! every system call.

#![no_main]

use std::sync::OnceLock;

use api::ProfileName;
use libfuzzer_sys::fuzz_target;
use policy::syscalls::{Arch, FilterProgram, SyscallData, compile, evaluate, model};

type Filters = Vec<(ProfileName, Arch, FilterProgram)>;

fn filters() -> &'static Filters {
    static FILTERS: OnceLock<Filters> = OnceLock::new();
    FILTERS.get_or_init(|| {
        let both = |profile| Arch::ALL.map(|arch| (profile, arch, compile(profile, arch)));
        ProfileName::ALL.into_iter().flat_map(both).collect()
    })
}

fuzz_target!(|input: (u32, u8, [u64; 6])| {
    let (nr, arch, args) = input;
    // Mostly a number that exists, of a processor that exists.
    let nr = if nr % 8 == 0 { nr } else { nr % 512 };
    let arch = match arch % 8 {
        0 => u32::from(arch),
        1..5 => Arch::X86_64.audit(),
        _ => Arch::Aarch64.audit(),
    };
    let data = SyscallData { nr, arch, args };
    for (profile, arch, filter) in filters() {
        let (found, wanted) = (evaluate(filter, &data), model(*profile, *arch, &data));
        assert_eq!(found, wanted, "{profile} {arch:?} {data:?}");
    }
});
