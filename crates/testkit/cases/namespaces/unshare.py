import itertools

FLAGS = {"mnt": 0x20000, "cgroup": 0x2000000, "uts": 0x4000000, "ipc": 0x8000000, "user": 0x10000000,
         "pid": 0x20000000, "net": 0x40000000, "time": 0x80}
for count in range(1, len(FLAGS) + 1):
    for names in itertools.combinations(FLAGS, count):
        flags = sum(FLAGS[name] for name in names)
        apart("+".join(names), syscall, 272, flags)
