//! Which system calls there are to go wrong, and with what.

use std::collections::BTreeMap;

use crate::{
    gate::is_full,
    scene::Scene,
    traced::{At, Fault, Injection},
};

/// Calls that cannot fail, or whose failure leaves nothing that could be done:
/// memory that the allocator asks for, the start and end of the program itself.
const LEFT_OUT: [&str; 24] = [
    "arch_prctl",
    "brk",
    "clock_gettime",
    "close",
    "execve",
    "exit",
    "exit_group",
    "getegid",
    "geteuid",
    "getgid",
    "getpid",
    "getppid",
    "gettid",
    "getuid",
    "madvise",
    "mmap",
    "mprotect",
    "mremap",
    "munmap",
    "rseq",
    "rt_sigreturn",
    "sched_getaffinity",
    "set_robust_list",
    "set_tid_address",
];

/// Errors with which calls fail.
const ERRORS: [&str; 6] = ["EPERM", "ENOMEM", "EINTR", "EAGAIN", "ENOSPC", "EMFILE"];

/// How often each call is made in a run in which nothing goes wrong.
pub(crate) fn counts(at: At) -> BTreeMap<String, usize> {
    let ending = Injection::none(at).run(&Scene::new());
    assert_eq!(ending.status, Some(0), "{ending:?}");
    let mut counts = BTreeMap::new();
    for line in ending.trace.lines() {
        if let Some(name) = name_of(line).filter(|name| !LEFT_OUT.contains(name)) {
            *counts.entry(name.to_owned()).or_default() += 1;
        }
    }
    assert!(counts.len() > 20, "this is no trace of a run: {counts:?}");
    counts
}

/// How often init's child makes each call before it is the program.
pub(crate) fn counts_of_child() -> BTreeMap<String, usize> {
    let ending = Injection::none(At::Inside).run(&Scene::new());
    let pid_of = |line: &str| line.split(' ').next().unwrap_or_default().to_owned();
    let init = ending.trace.lines().next().map(pid_of).unwrap();
    let mut counts = BTreeMap::new();
    for line in ending.trace.lines().filter(|line| pid_of(line) != init) {
        let call = line.split_once(' ').map_or("", |(_, rest)| rest.trim_start());
        let Some(name) = name_of(call) else { continue };
        if name == "execve" || !LEFT_OUT.contains(&name) {
            *counts.entry(name.to_owned()).or_default() += 1;
        }
        if name == "execve" {
            return counts;
        }
    }
    panic!("the program was never executed: {ending:?}");
}

/// The call that a line tells of: not the end of one, or a signal.
fn name_of(line: &str) -> Option<&str> {
    let (name, _) = line.split_once('(')?;
    let is_name = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    (is_name && !name.is_empty()).then_some(name)
}

/// Everything that is to go wrong: each call at each place with each error, or
/// some of that: the first, the last and one between, with one error each.
pub(crate) fn errors(at: At, counts: &BTreeMap<String, usize>) -> Vec<Injection> {
    let mut turn = 0;
    let mut all = Vec::new();
    for (call, count) in counts {
        for when in places(*count) {
            turn += 1;
            for (number, error) in ERRORS.iter().enumerate() {
                let is_wanted = is_full() || number == turn % ERRORS.len();
                // Of a socket that was found readable: it would be waited for in vain.
                let is_lie = call == "recvmsg" && *error == "EAGAIN";
                if is_wanted && !is_lie {
                    let (call, fault) = (call.clone(), Fault::Error(error));
                    all.push(Injection { at, call, when, fault });
                }
            }
        }
    }
    all
}

/// As [`errors`], with one fault that is no error.
pub(crate) fn with(at: At, counts: &BTreeMap<String, usize>, fault: Fault) -> Vec<Injection> {
    let each = |(call, count): (&String, &usize)| {
        let call = call.clone();
        let injection = move |when| Injection { at, call: call.clone(), when, fault };
        places(*count).into_iter().map(injection).collect::<Vec<_>>()
    };
    counts.iter().flat_map(each).collect()
}

fn places(count: usize) -> Vec<usize> {
    if is_full() {
        return (1..=count).collect();
    }
    let mut some = vec![1, count.div_ceil(2), count];
    some.dedup();
    some
}
