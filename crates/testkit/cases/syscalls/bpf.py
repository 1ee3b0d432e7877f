attributes = ctypes.create_string_buffer(128)
for command in range(0, 38):
    attempt("bpf-%d" % command, lambda: syscall(321, command, ctypes.byref(attributes), 128) and None)
event = ctypes.create_string_buffer((1).to_bytes(4, "little") + (120).to_bytes(4, "little") + bytes(112), 120)
attempt("perf-event", lambda: os.close(syscall(298, ctypes.byref(event), 0, -1, -1, 0)))
attempt("kcmp", syscall, 312, os.getpid(), os.getpid(), 0, 0, 1)
attempt("lookup_dcookie", syscall, 212, 0, None, 0)
