def prctl(*args):
    return syscall(157, *args) and None


dispatch = ctypes.create_string_buffer(8)
for name, args in [("SET_MM", (35, 1, 0, 0, 0)), ("SET_MM_MAP_SIZE", (35, 15, ctypes.addressof(dispatch), 0, 0)), ("SCHED_CORE", (62, 0, 0, 0, ctypes.addressof(dispatch))),
                   ("SET_MEMORY_MERGE", (67, 1, 0, 0, 0)), ("GET_MEMORY_MERGE", (68, 0, 0, 0, 0)), ("SYSCALL_USER_DISPATCH", (59, 0, 0, 0, 0)),
                   ("GET_SECUREBITS", (27, 0, 0, 0, 0)), ("SET_SECUREBITS", (28, 0, 0, 0, 0)), ("MCE_KILL_GET", (34, 0, 0, 0, 0)),
                   ("GET_TSC", (25, ctypes.addressof(dispatch), 0, 0, 0)), ("TASK_PERF_EVENTS_DISABLE", (31, 0, 0, 0, 0)), ("SET_TIMING", (14, 0, 0, 0, 0)),
                   ("GET_TID_ADDRESS", (40, ctypes.addressof(dispatch), 0, 0, 0)), ("IO_FLUSHER", (57, 0, 0, 0, 0)), ("SET_PTRACER", (0x59616D61, 1, 0, 0, 0)),
                   ("SPECULATION_SET", (53, 0, 2, 0, 0))]:
    apart(name, prctl, *args)
for option in range(70, 121):
    apart("option-%d" % option, prctl, option, 0, 0, 0, 0)
