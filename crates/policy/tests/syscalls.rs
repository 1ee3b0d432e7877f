//! What the profiles say, written down a second time by hand: names of calls and
//! constants of the kernel against verdicts. The filter is asked, not the table.

use api::ProfileName::{self, Compat, Default, Strict};
use policy::syscalls::{
    Arch, Ruling, SyscallData, Verdict,
    Verdict::{Allow, Errno},
    call, calls, compile, evaluate,
};

const EPERM: Verdict = Errno(1);
const ENOMEM: Verdict = Errno(12);
const EACCES: Verdict = Errno(13);
const EINVAL: Verdict = Errno(22);
const ENOSYS: Verdict = Errno(38);
const EPROTONOSUPPORT: Verdict = Errno(93);
const EAFNOSUPPORT: Verdict = Errno(97);
const SUCCESS: Verdict = Errno(0);

/// Asks the filters of every processor that has the call; they must agree.
fn ask(profile: ProfileName, name: &str, args: &[u64]) -> Verdict {
    let call = call(name).unwrap_or_else(|| panic!("no call is named {name}"));
    let mut all = [0; 6];
    all[..args.len()].copy_from_slice(args);
    let verdicts: Vec<_> = Arch::ALL
        .into_iter()
        .filter_map(|arch| {
            let data = SyscallData { nr: call.number(arch)?, arch: arch.audit(), args: all };
            Some(evaluate(&compile(profile, arch), &data))
        })
        .collect();
    assert!(verdicts.iter().all(|verdict| *verdict == verdicts[0]), "{name}: {verdicts:?}");
    verdicts[0]
}

/// The verdict in all three profiles.
fn always(name: &str, args: &[u64], expected: Verdict) {
    for profile in ProfileName::ALL {
        assert_eq!(ask(profile, name, args), expected, "{name} {args:x?} in {profile}");
    }
}

/// The verdicts in strict, default and compat.
fn each(name: &str, args: &[u64], expected: [Verdict; 3]) {
    let found = [Strict, Default, Compat].map(|profile| ask(profile, name, args));
    assert_eq!(found, expected, "{name} {args:x?}");
}

#[test]
fn ordinary_calls_are_allowed() {
    let names = "read write openat close execve exit_group mprotect munmap brk rt_sigaction \
        rt_sigreturn wait4 pidfd_open kill setsid getrandom statx epoll_pwait2 rseq membarrier \
        pkey_alloc landlock_restrict_self futex_waitv sched_setparam copy_file_range sendfile \
        arch_prctl vfork fchmodat2 mseal bind connect recvmsg timer_create";
    for name in names.split_whitespace() {
        always(name, &[], Allow);
    }
}

#[test]
fn the_known_dangerous_are_refused_for_what_they_are() {
    let names = "mount umount2 pivot_root chroot fsopen fsconfig fsmount fspick move_mount \
        open_tree open_tree_attr mount_setattr setns unshare process_vm_readv process_vm_writev \
        pidfd_getfd process_madvise process_mrelease kcmp bpf perf_event_open fanotify_init \
        fanotify_mark open_by_handle_at quotactl quotactl_fd clock_settime settimeofday adjtimex \
        clock_adjtime sethostname setdomainname swapon swapoff reboot kexec_load kexec_file_load \
        init_module finit_module delete_module create_module query_module iopl ioperm acct syslog \
        vhangup sched_setattr migrate_pages move_pages";
    for name in names.split_whitespace() {
        always(name, &[], EPERM);
    }
}

#[test]
fn what_libraries_can_do_without_does_not_exist() {
    let names = "io_uring_setup io_uring_enter io_uring_register io_setup io_destroy io_submit \
        io_cancel io_getevents io_pgetevents userfaultfd keyctl add_key request_key memfd_secret \
        cachestat statmount listmount lsm_get_self_attr lsm_set_self_attr lsm_list_modules \
        name_to_handle_at splice tee vmsplice modify_ldt remap_file_pages lookup_dcookie uselib \
        seccomp clone3 futex_requeue uretprobe uprobe file_getattr file_setattr _sysctl";
    for name in names.split_whitespace() {
        always(name, &[], ENOSYS);
    }
}

#[test]
fn flushing_the_hosts_disks_is_a_pretence() {
    always("sync", &[], SUCCESS);
    always("syncfs", &[3], SUCCESS);
    always("fsync", &[3], Allow);
}

#[test]
fn strict_takes_calls_away() {
    let names = "flock semget semop semtimedop semctl shmget shmat shmdt shmctl mlock mlock2 \
        mlockall mbind set_mempolicy inotify_init inotify_init1 inotify_add_watch \
        inotify_rm_watch readahead ioprio_set";
    for name in names.split_whitespace() {
        each(name, &[], [ENOSYS, Allow, Allow]);
    }
    for command in [5, 6, 7, 36, 37, 38, 1026] {
        each("fcntl", &[3, command], [EPERM, Allow, Allow]);
    }
    for command in [1024, 1040] {
        always("fcntl", &[3, command], EPERM);
    }
    for command in [0, 1, 2, 3, 4, 1025, 1030, 1031, 1033, 1034] {
        always("fcntl", &[3, command], Allow);
    }
}

#[test]
fn compat_adds_calls() {
    let names = "msgget msgsnd msgrcv msgctl mq_open mq_unlink mq_timedsend mq_timedreceive \
        mq_notify mq_getsetattr";
    for name in names.split_whitespace() {
        each(name, &[], [ENOSYS, ENOSYS, Allow]);
    }
    each("ptrace", &[], [EPERM, EPERM, Allow]);
}

#[test]
fn clone_makes_no_namespace() {
    let thread = 0x003d_0f00;
    for flags in [17, thread, 0x4111, 0x0100_0011] {
        always("clone", &[flags], Allow);
        always("clone", &[flags | 0xdead_0000_0000], Allow);
    }
    let mnt_cgroup_uts_ipc_user_pid_net =
        [0x2_0000, 0x200_0000, 0x400_0000, 0x800_0000, 0x1000_0000, 0x2000_0000, 0x4000_0000];
    for flag in mnt_cgroup_uts_ipc_user_pid_net {
        always("clone", &[flag], EPERM);
        always("clone", &[flag | thread], EPERM);
    }
}

#[test]
fn no_file_becomes_set_user_id_or_set_group_id() {
    const CREAT: u64 = 0x40;
    const TMPFILE: u64 = 0x41_0000;
    for (mode, verdict) in [(0o755, Allow), (0o1777, Allow), (0o4755, EPERM), (0o2755, EPERM)] {
        for name in ["chmod", "fchmod", "creat"] {
            always(name, &[0, mode], verdict);
        }
        always("fchmodat", &[0, 0, mode], verdict);
        always("fchmodat2", &[0, 0, mode, 0], verdict);
        for flags in [CREAT, CREAT | 1, TMPFILE] {
            always("open", &[0, flags, mode], verdict);
            always("openat", &[0, 0, flags, mode], verdict);
        }
        always("mknod", &[0, 0o100_000 | mode], verdict);
        always("mknodat", &[0, 0, 0o010_000 | mode], verdict);
        // Without O_CREAT there is no mode, but whatever was in the register.
        always("open", &[0, 2, mode], Allow);
        always("openat", &[0, 0, 0o200_000, mode], Allow);
    }
    always("openat2", &[], ENOSYS);
}

#[test]
fn sockets_are_unix_tcp_udp_and_route() {
    const TCP: u64 = 6;
    const UDP: u64 = 17;
    for kind in [1, 2, 5] {
        each("socket", &[1, kind, 0], [EAFNOSUPPORT, Allow, Allow]);
        each("socket", &[1, kind | 0o2_004_000, 0], [EAFNOSUPPORT, Allow, Allow]);
    }
    each("socket", &[1, 3, 0], [EAFNOSUPPORT, EPROTONOSUPPORT, EPROTONOSUPPORT]);
    for family in [2, 10] {
        for allowed in [[1, 0], [1, TCP], [2, 0], [2, UDP], [0o2_004_001, TCP]] {
            always("socket", &[family, allowed[0], allowed[1]], Allow);
        }
        let mptcp_sctp_udplite_icmp = [[1, 262], [1, 132], [2, 136], [2, 1]];
        let raw_packet_crossed = [[3, 255], [10, 0], [5, 0], [1, UDP], [2, TCP]];
        for refused in mptcp_sctp_udplite_icmp.iter().chain(&raw_packet_crossed) {
            always("socket", &[family, refused[0], refused[1]], EPROTONOSUPPORT);
        }
    }
    each("socket", &[16, 3, 0], [EAFNOSUPPORT, Allow, Allow]);
    for protocol in 1..32 {
        let refused = [EAFNOSUPPORT, EPROTONOSUPPORT, EPROTONOSUPPORT];
        each("socket", &[16, 3, protocol], refused);
    }
    for family in (0..50).filter(|family| ![1, 2, 10, 16].contains(family)) {
        for kind in 0..16 {
            always("socket", &[family, kind, 0], EAFNOSUPPORT);
        }
    }
    each("socket", &[0xbad_0000_0001, 1, 0], [EAFNOSUPPORT, Allow, Allow]);
    always("socket", &[0x1_0000_0026, 5, 0], EAFNOSUPPORT);
    always("socketpair", &[1, 1, 0], Allow);
    always("socketpair", &[2, 1, 0], EAFNOSUPPORT);
    always("socketpair", &[30, 1, 0], EAFNOSUPPORT);
}

#[test]
fn socket_options_add_nothing_to_the_kernel() {
    for (level, option) in [(1, 26), (1, 50), (1, 51), (1, 52), (1, 60), (6, 31), (0, 17), (41, 35)]
    {
        always("setsockopt", &[3, level, option], EPERM);
        always("setsockopt", &[3, level | 7 << 32, option | 9 << 32], EPERM);
    }
    for (level, option) in [(1, 2), (1, 27), (6, 1), (6, 26), (0, 31), (41, 26), (17, 60)] {
        always("setsockopt", &[3, level, option], Allow);
    }
}

#[test]
fn ioctls_do_not_type_into_terminals_or_list_namespaces() {
    let terminal_and_dedupe = [0x5412, 0x541c, 0x541d, 0x5423, 0xc018_9436];
    let nsfs = [0xb701, 0xb702, 0xb703, 0xb704, 0x8008_b705, 0x8004_b706, 0x8010_b70a];
    for request in terminal_and_dedupe.into_iter().chain(nsfs) {
        always("ioctl", &[0, request], EPERM);
        always("ioctl", &[0, request | 0x1_0000_0000], EPERM);
    }
    for request in [0x5401, 0x5413, 0x541b, 0x5421, 0x5451, 0x4004_9409] {
        always("ioctl", &[0, request], Allow);
    }
}

#[test]
fn prctl_knows_a_list_of_options() {
    let allowed = [
        1,
        2,
        3,
        4,
        7,
        8,
        15,
        16,
        21,
        23,
        24,
        29,
        30,
        36,
        37,
        38,
        39,
        41,
        42,
        47,
        52,
        65,
        66,
        0x5356_4d41,
    ];
    for option in (0..100).chain([0x5356_4d41, 0x5961_6d61, 0xffff_ffff]) {
        let expected = if allowed.contains(&option) { Allow } else { EINVAL };
        always("prctl", &[option], expected);
        always("prctl", &[option | 0xff << 40], expected);
    }
}

#[test]
fn futexes_do_not_inherit_priority() {
    for flags in [0, 0x80, 0x100, 0x180] {
        for operation in 0..20 {
            let expected = if [0, 1, 3, 4, 5, 9, 10].contains(&operation) { Allow } else { ENOSYS };
            always("futex", &[0, operation | flags], expected);
        }
    }
    always("futex", &[0, 0x200], ENOSYS);
}

#[test]
fn limits_are_ones_own_and_core_dumps_stay_off() {
    const CORE: u64 = 4;
    const NOFILE: u64 = 7;
    always("setrlimit", &[CORE, 0x7000], EPERM);
    always("setrlimit", &[CORE | 1 << 32, 0x7000], EPERM);
    always("setrlimit", &[NOFILE, 0x7000], Allow);
    always("getrlimit", &[CORE], Allow);
    always("prlimit64", &[0, CORE, 0, 0x7000], Allow);
    always("prlimit64", &[0, CORE, 0x7000, 0], EPERM);
    always("prlimit64", &[0, CORE, 0x7fff_0000_0000, 0], EPERM);
    always("prlimit64", &[0, NOFILE, 0x7000, 0], Allow);
    always("prlimit64", &[0, NOFILE, 0x7fff_0000_0000, 0], Allow);
    always("prlimit64", &[1, NOFILE, 0, 0x7000], EPERM);
    always("prlimit64", &[0xffff_ffff, NOFILE, 0, 0x7000], EPERM);
}

#[test]
fn personality_weakens_nothing() {
    for persona in [0, 8, 0x2_0000, 0x2_0008, 0xffff_ffff] {
        always("personality", &[persona], Allow);
    }
    for persona in [1, 0x4_0000, 0x10_0000, 0x40_0000, 0x800_0000, 0x6_0000, 0xffff_fffe] {
        always("personality", &[persona], EPERM);
    }
}

#[test]
fn memory_comes_from_the_sandbox_alone() {
    always("mmap", &[0, 4096, 3, 0x22], Allow);
    always("mmap", &[0, 4096, 3, 0x4_0022], ENOMEM);
    always("mmap", &[0, 4096, 3, 0x5404_0022], ENOMEM);
    each("shmget", &[0, 4096, 0o1600], [ENOSYS, Allow, Allow]);
    each("shmget", &[0, 4096, 0o5600], [ENOSYS, ENOMEM, ENOMEM]);
    always("memfd_create", &[0, 4 | 8], ENOMEM);
    each("memfd_create", &[0, 1 | 2], [EACCES, Allow, Allow]);
    each("memfd_create", &[0, 0x10], [EACCES, Allow, Allow]);
    always("memfd_create", &[0, 1 | 8], Allow);
    for advice in [0, 4, 8, 9, 10, 13, 14, 15, 21] {
        always("madvise", &[0, 4096, advice], Allow);
    }
    always("madvise", &[0, 4096, 12], EINVAL);
    always("madvise", &[0, 4096, 100], EPERM);
    always("madvise", &[0, 4096, 101 | 1 << 32], EPERM);
}

#[test]
fn no_device_is_made() {
    for mode in [0o644, 0o100_644, 0o010_644, 0o140_644] {
        always("mknod", &[0, mode], Allow);
        always("mknodat", &[0, 0, mode], Allow);
    }
    for mode in [0o020_644, 0o060_644, 0o040_755, 0o120_777, 0o170_000] {
        always("mknod", &[0, mode], EPERM);
        always("mknodat", &[0, 0, mode], EPERM);
    }
}

#[test]
fn scheduling_is_ordinary() {
    for (policy, expected) in
        [(0, Allow), (1, EPERM), (2, EPERM), (3, Allow), (4, EPERM), (5, Allow), (6, EPERM)]
    {
        always("sched_setscheduler", &[0, policy], expected);
        always("sched_setscheduler", &[0, policy | 0x4000_0000], expected);
    }
    always("sched_setscheduler", &[0, 0x8000_0000], EPERM);
}

#[test]
fn pipes_carry_no_kernel_notifications() {
    always("pipe2", &[0, 0o2_004_000], Allow);
    always("pipe2", &[0, 0o40_000], Allow);
    always("pipe2", &[0, 0x80], ENOSYS);
    always("pipe2", &[0, 0o2_000_200], ENOSYS);
}

#[test]
fn unknown_numbers_do_not_exist() {
    for profile in ProfileName::ALL {
        for arch in Arch::ALL {
            let filter = compile(profile, arch);
            let x32 = (0..600).map(|number| 0x4000_0000 | number);
            let beyond = [470, 471, 600, 999, 0x3fff_ffff, 0x7fff_ffff, 0x8000_0000, u32::MAX];
            for nr in x32.chain(beyond) {
                let data = SyscallData { nr, arch: arch.audit(), args: [0; 6] };
                assert_eq!(evaluate(&filter, &data), ENOSYS, "{nr:#x} on {arch:?} in {profile}");
            }
        }
    }
}

#[test]
fn calls_of_another_processor_kill() {
    let i386_arm_big_endian_none = [0x4000_0003, 0x4000_0028, 0x8000_00b7, 0];
    for arch in Arch::ALL {
        let filter = compile(Default, arch);
        let others = Arch::ALL.into_iter().filter(|other| *other != arch).map(Arch::audit);
        for wrong in i386_arm_big_endian_none.into_iter().chain(others) {
            let data = SyscallData { nr: 0, arch: wrong, args: [0; 6] };
            assert_eq!(evaluate(&filter, &data), Verdict::KillProcess, "{wrong:#x} on {arch:?}");
        }
    }
}

#[test]
fn no_number_up_to_the_newest_is_left_out() {
    let gone = |arch, number| match arch {
        Arch::X86_64 => (337..=423).contains(&number),
        Arch::Aarch64 => (244..=259).contains(&number) || (295..=423).contains(&number),
    };
    for arch in Arch::ALL {
        for number in 0..=469 {
            let known = calls().iter().any(|call| call.number(arch) == Some(number));
            assert_eq!(known, !gone(arch, number), "{number} on {arch:?}");
        }
        assert!(calls().iter().all(|call| call.number(arch) <= Some(469)));
    }
}

#[test]
fn the_calls_of_old_processors_alone_are_the_expected_ones() {
    let only = |call: &&policy::syscalls::Call| call.number(Arch::Aarch64).is_none();
    let allowed: Vec<_> = calls()
        .iter()
        .filter(only)
        .filter(|call| call.ruling(Default) == Ruling::Plain(Allow))
        .map(|call| call.name)
        .collect();
    let expected = "access alarm arch_prctl chown dup2 epoll_create epoll_wait eventfd \
        fork futimesat get_thread_area getdents getpgrp inotify_init lchown link lstat mkdir pause \
        pipe poll readlink rename rmdir select set_thread_area signalfd stat symlink time \
        unlink utime utimes vfork";
    assert_eq!(allowed, expected.split_whitespace().collect::<Vec<_>>());
    assert!(calls().iter().all(|call| call.number(Arch::X86_64).is_some()));
}

#[test]
fn numbers_are_the_kernels() {
    let known = [
        ("read", 0, Some(63)),
        ("openat", 257, Some(56)),
        ("newfstatat", 262, Some(79)),
        ("execve", 59, Some(221)),
        ("clone", 56, Some(220)),
        ("clone3", 435, Some(435)),
        ("ptrace", 101, Some(117)),
        ("mount", 165, Some(40)),
        ("bpf", 321, Some(280)),
        ("seccomp", 317, Some(277)),
        ("prlimit64", 302, Some(261)),
        ("sync_file_range", 277, Some(84)),
        ("uprobe", 336, None),
        ("arch_prctl", 158, None),
        ("file_setattr", 469, Some(469)),
    ];
    for (name, x86_64, aarch64) in known {
        let call = call(name).unwrap();
        let found = (call.number(Arch::X86_64), call.number(Arch::Aarch64));
        assert_eq!(found, (Some(x86_64), aarch64), "{name}");
    }
}

#[test]
fn filters_are_as_long_as_expected() {
    let expected = [(Strict, [333, 304]), (Default, [324, 301]), (Compat, [320, 299])];
    for (profile, lengths) in expected {
        let found = Arch::ALL.map(|arch| compile(profile, arch).instructions().len());
        assert_eq!(found, lengths, "{profile}");
    }
}
