say("start", "ok")
memory = os.memfd_create("battery")
for _ in range(160):
    os.write(memory, b"x" * (1 << 20))
say("memory-file", "all")
