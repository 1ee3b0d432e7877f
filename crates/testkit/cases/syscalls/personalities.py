for name, value in [("READ_IMPLIES_EXEC", 0x400000), ("ADDR_NO_RANDOMIZE", 0x40000), ("UNAME26", 0x20000 | 0x1), ("MMAP_PAGE_ZERO", 0x100000), ("ADDR_COMPAT_LAYOUT", 0x200000), ("SHORT_INODE", 0x1000000), ("STICKY_TIMEOUTS", 0x4000000), ("high-bits", 0x10)]:
    apart(name, syscall, 135, value)
