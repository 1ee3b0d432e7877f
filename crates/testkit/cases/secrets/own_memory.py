# Everything that this process can read of itself and of shared memory.
import re

with open("/proc/self/maps") as maps, open("/proc/self/mem", "rb", 0) as memory:
    found = 0
    wanted = re.compile(rb"BATTERY_SECRET=([0-9a-f]{32})|KEEPER_SECRET=([0-9a-f]{32})")
    for line in maps:
        span, mode = line.split()[:2]
        if not mode.startswith("r") or "[v" in line:
            continue
        start, end = (int(part, 16) for part in span.split("-"))
        if end - start > 64 << 20:
            continue
        try:
            memory.seek(start)
            data = memory.read(end - start)
        except (OSError, ValueError):
            continue
        for match in wanted.finditer(data):
            found += 1
            show(match.group(0))
say("secrets-in-memory", "none" if not found else "some")
say("shared-memory", "empty" if not os.listdir("/dev/shm") else "something")
