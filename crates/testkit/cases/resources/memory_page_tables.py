import mmap

# A page touched every two megabytes makes tables rather than pages.
say("start", "ok")
LIBC.mmap.restype = ctypes.c_void_p
for _ in range(64):
    address = LIBC.mmap(None, ctypes.c_size_t(2 << 30), 3, 0x4022, -1, ctypes.c_long(0))
    if address in (None, ctypes.c_void_p(-1).value):
        say("reserve", named(ctypes.get_errno()))
        break
    for offset in range(0, 2 << 30, 2 << 20):
        ctypes.c_char.from_address(address + offset).value = b"x"
else:
    say("tables", "all")
