# Attributes of files take memory of the kernel: their number has an end.
path = "/dev/shm/battery-attributes"
open(path, "w").close()
block = b"x" * 60000
try:
    for number in range(1500):
        os.setxattr(path, "user.flood%d" % number, block)
    say("flood", "endless")
except OSError as error:
    say("flood", named(error.errno))
finally:
    os.unlink(path)
