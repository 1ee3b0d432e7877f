def prctl(*args):
    return syscall(157, *args) and None


buffer = ctypes.create_string_buffer(b"battery", 16)
for name, args in [("SET_NAME", (15, ctypes.addressof(buffer), 0, 0, 0)), ("GET_NAME", (16, ctypes.addressof(buffer), 0, 0, 0)), ("SET_PDEATHSIG", (1, 0, 0, 0, 0)),
                   ("GET_DUMPABLE", (3, 0, 0, 0, 0)), ("NO_NEW_PRIVS", (38, 1, 0, 0, 0)), ("GET_NO_NEW_PRIVS", (39, 0, 0, 0, 0)),
                   ("TIMERSLACK", (30, 0, 0, 0, 0)), ("SUBREAPER", (36, 1, 0, 0, 0)), ("THP_DISABLE", (42, 0, 0, 0, 0)), ("CAPBSET_READ", (23, 0, 0, 0, 0))]:
    apart(name, prctl, *args)
