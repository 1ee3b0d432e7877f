import struct

code = ctypes.create_string_buffer(struct.pack("HBBI", 6, 0, 0, 0x7FFF0000))
program = ctypes.create_string_buffer(struct.pack("HxxxxxxQ", 1, ctypes.addressof(code)))
for name, flags in [("filter", 0), ("tsync", 1), ("log", 2), ("listener", 8), ("tsync-listener", 1 | 8 | 16)]:
    def load():
        LIBC.prctl(38, 1, 0, 0, 0)
        syscall(317, 1, flags, ctypes.byref(program))
    apart("seccomp-" + name, load)
apart("seccomp-strict", lambda: syscall(317, 0, 0, None))
attempt("seccomp-actions", syscall, 317, 2, 0, ctypes.byref(ctypes.c_uint(0)))
sizes = ctypes.create_string_buffer(8)
attempt("seccomp-sizes", syscall, 317, 3, 0, ctypes.byref(sizes))
apart("prctl-filter", lambda: syscall(157, 22, 2, ctypes.addressof(program), 0, 0) and None)
