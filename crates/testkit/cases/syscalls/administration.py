text = ctypes.create_string_buffer(b"/nonexistent")
for name, number, args in [
        ("init_module", 175, (None, 0, b"")), ("finit_module", 313, (-1, b"", 0)), ("delete_module", 176, (b"nothing-of-that-name", 0)),
        ("kexec_load", 246, (0, 99999, None, 0)), ("kexec_file_load", 320, (-1, -1, 0, None, 0)), ("reboot-bad-magic", 169, (1, 2, 3, None)),
        ("swapon", 167, (b"/nonexistent", 0)), ("swapoff", 168, (b"/nonexistent",)), ("acct", 163, (b"/nonexistent",)),
        ("iopl", 172, (0,)), ("ioperm", 173, (0x80, 1, 0)), ("quotactl", 179, (0x80000100, None, 0, None)), ("quotactl_fd", 443, (0, 0, 0, None)),
        ("vhangup", 153, ()), ("syslog", 103, (10, None, 0)), ("nfsservctl", 180, (0, None, None)), ("sysfs", 139, (3, 0, 0)), ("ustat", 136, (0, None)),
        ("modify_ldt", 154, (0, None, 0)), ("uselib", 134, (b"/nonexistent",)), ("migrate_pages", 256, (0, 0, None, None)), ("move_pages", 279, (0, 0, None, None, None, 0))]:
    apart(name, syscall, number, *args)
