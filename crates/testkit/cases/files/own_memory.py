# Writing to a page of a library through /proc/self/mem changes a private copy only.
import mmap

path = os.path.realpath("/usr/bin/env")
before = open(path, "rb").read(16)
descriptor = os.open(path, os.O_RDONLY)
LIBC.mmap.restype = ctypes.c_void_p
address = LIBC.mmap(None, ctypes.c_size_t(4096), 1, mmap.MAP_PRIVATE, descriptor, ctypes.c_long(0))
try:
    memory = os.open("/proc/self/mem", os.O_RDWR)
    os.pwrite(memory, b"changed-by-guest", address)
    say("write-own-memory", "private" if ctypes.string_at(address, 16) == b"changed-by-guest" else "not seen")
except OSError as error:
    say("write-own-memory", named(error.errno))
say("file-after", "unchanged" if open(path, "rb").read(16) == before else "changed")
