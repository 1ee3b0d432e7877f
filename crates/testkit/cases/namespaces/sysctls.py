# Opening for writing is the attempt: nothing is written, so that nothing is harmed without the sandbox.
for name in ["kernel/core_pattern", "kernel/modprobe", "kernel/hotplug", "kernel/sysrq", "kernel/randomize_va_space",
             "kernel/ns_last_pid", "kernel/shmmax", "kernel/msgmax", "kernel/sem", "kernel/hostname",
             "kernel/domainname", "kernel/threads-max", "kernel/pid_max", "vm/overcommit_memory", "vm/drop_caches",
             "vm/swappiness", "vm/max_map_count", "net/ipv4/ip_forward", "net/ipv4/ping_group_range",
             "net/core/somaxconn", "fs/file-max", "fs/suid_dumpable", "fs/protected_symlinks", "dev/tty/legacy_tiocsti"]:
    attempt(name, open_for_writing, "/proc/sys/" + name)
attempt("sysrq-trigger", open_for_writing, "/proc/sysrq-trigger")
attempt("irq", open_for_writing, "/proc/irq/default_smp_affinity")
