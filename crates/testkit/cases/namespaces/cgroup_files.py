for place in ["/sys/fs/cgroup", "/sys/fs/cgroup/memory", "/sys/fs/cgroup/unified"]:
    attempt("list " + place, os.listdir, place)
found = [line for line in open("/proc/self/mountinfo") if " - cgroup" in line]
say("cgroup-mounts", "none" if not found else "there")
for line in open("/proc/self/cgroup"):
    path = line.strip().split(":", 2)[2]
    say("own-path", "root" if path == "/" else "shown")
for name in ["release_agent", "notify_on_release", "cgroup.procs", "devices.allow"]:
    attempt("write " + name, open_for_writing, "/sys/fs/cgroup/memory/" + name)
