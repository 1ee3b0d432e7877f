uptime = float(open("/proc/uptime").read().split()[0])
import time
say("uptime", "own" if uptime < 600 else "host's")
say("monotonic", "own" if time.clock_gettime(time.CLOCK_BOOTTIME) < 600 else "host's")
