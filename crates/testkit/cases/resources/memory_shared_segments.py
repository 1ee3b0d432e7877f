LIBC.shmat.restype = ctypes.c_void_p
say("start", "ok")
held = []
for _ in range(160):
    segment = LIBC.shmget(0, 1 << 20, 0o1600)
    if segment < 0:
        say("segments", named(ctypes.get_errno()))
        break
    address = LIBC.shmat(segment, None, 0)
    LIBC.shmctl(segment, 0, None)
    ctypes.memset(ctypes.c_void_p(address), 1, 1 << 20)
else:
    say("segments", "all")
