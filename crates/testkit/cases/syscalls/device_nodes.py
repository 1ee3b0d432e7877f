import stat

for name, mode, device in [("char-null", stat.S_IFCHR, os.makedev(1, 3)), ("char-mem", stat.S_IFCHR, os.makedev(1, 1)), ("block", stat.S_IFBLK, os.makedev(8, 0)), ("whiteout", stat.S_IFCHR, 0)]:
    attempt(name, os.mknod, "node-" + name, mode | 0o600, device)
    attempt(name + "-at", lambda: os.mknod("node-at-" + name, mode | 0o600, device, dir_fd=os.open(".", os.O_RDONLY)))
