import time

host = {}
for name in ["loadavg", "schedstat", "diskstats", "interrupts", "softirqs", "pressure/cpu", "pressure/memory", "zoneinfo", "buddyinfo",
             "pagetypeinfo", "vmallocinfo", "swaps", "partitions", "timer_list", "sched_debug", "locks", "keys", "key-users", "slabinfo",
             "kcore", "kpagecount", "iomem", "ioports", "kallsyms", "modules", "config.gz", "cmdline", "latency_stats", "acpi", "bus", "fs", "irq", "scsi", "asound"]:
    path = "/proc/" + name

    def look():
        if os.path.isdir(path):
            return "hidden" if not os.listdir(path) else "ok"
        data = os.read(os.open(path, os.O_RDONLY), 4096)
        if name in ("kallsyms", "iomem", "ioports", "modules"):
            import re
            numbers = re.findall(rb"\b(?:0x)?([0-9a-f]{4,16})\b(?=[- ])", data)
            return "zeroed" if all(set(number) == {48} for number in numbers) else "ok"
        return "hidden" if not data.strip() else "ok"

    attempt(name, look)
