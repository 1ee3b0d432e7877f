import errno

host_before = os.statvfs(".").f_bavail
written = 0
try:
    with open("full", "wb") as file:
        for _ in range(64):
            file.write(b"x" * (1 << 20))
            file.flush()
            written += 1
    say("bytes", "endless")
except OSError as error:
    say("bytes", named(error.errno))
if os.path.exists("full"):
    os.unlink("full")
try:
    for number in range(3000):
        open("f%d" % number, "w").close()
    say("files", "endless")
except OSError as error:
    say("files", named(error.errno))
