import re

# What an earlier run left in memory that this one is given.
kept = bytearray(64 << 20)
say("fresh-memory", "zero" if not any(kept[::4096]) else "something")
for top in ["/workspace", "/tmp", "/home/user", "/dev/shm"]:
    names = [name for name in os.listdir(top)] if os.path.isdir(top) else []
    say("left in " + top, "nothing" if all(name == os.path.basename(sys.argv[0]) or name.startswith(".") for name in names) else " ".join(names)[:40])
