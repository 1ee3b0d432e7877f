import time

start = time.monotonic()
descriptor = os.open("storm", os.O_RDWR | os.O_CREAT, 0o600)
for _ in range(2000):
    os.pwrite(descriptor, b"x" * 4096, 0)
    os.fsync(descriptor)
say("fsync", "in memory" if os.statvfs(".").f_bsize and time.monotonic() - start < 1 else "on a disk")
kinds = {line.split()[4]: line.split(" - ")[1].split()[0] for line in open("/proc/self/mountinfo")}
say("workspace-kind", kinds.get("/workspace", kinds.get("/", "unknown")))
