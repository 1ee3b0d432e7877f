def zeroed(path):
    import re
    data = open(path, "rb").read(65536)
    numbers = re.findall(rb"\b(?:0x)?([0-9a-f]{8,16})\b", data)
    return "hidden" if not data.strip() else ("zeroed" if all(set(n) == {48} for n in numbers) else "ok")


for name in ["kallsyms", "iomem", "ioports", "modules"]:
    attempt(name, zeroed, "/proc/" + name)
for name in ["cmdline", "kcore", "kpageflags", "kpagecount", "vmallocinfo", "slabinfo", "keys", "key-users", "sched_debug", "timer_list", "sysvipc/../kmsg"]:
    def look():
        data = os.read(os.open("/proc/" + name, os.O_RDONLY | os.O_NONBLOCK), 256)
        return "hidden" if not data.strip() else "ok"
    attempt(name, look)
