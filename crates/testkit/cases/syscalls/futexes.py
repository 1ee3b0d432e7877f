word, other = ctypes.c_int(0), ctypes.c_int(0)
for name, operation in [("LOCK_PI", 6), ("UNLOCK_PI", 7), ("TRYLOCK_PI", 8), ("WAIT_REQUEUE_PI", 11), ("CMP_REQUEUE_PI", 12), ("LOCK_PI2", 13)]:
    for flag_name, flag in [("", 0), ("-private", 128), ("-realtime", 256), ("-both", 384)]:
        if name in ("LOCK_PI", "LOCK_PI2") and flag_name == "":
            attempt(name, syscall, 202, ctypes.byref(word), operation | flag, 0, 0, ctypes.byref(other), 0)
            word.value = 0
        else:
            class Time(ctypes.Structure):
                _fields_ = [("s", ctypes.c_long), ("n", ctypes.c_long)]
            attempt(name + flag_name, syscall, 202, None, operation | flag, 0, 0, None, 0)
attempt("futex_requeue", syscall, 456, None, 0, 0, 0)
