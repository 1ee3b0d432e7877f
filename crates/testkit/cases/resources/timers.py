made = 0
timer = ctypes.c_int()


class Event(ctypes.Structure):
    _fields_ = [("value", ctypes.c_long), ("signal", ctypes.c_int), ("notify", ctypes.c_int), ("pad", ctypes.c_char * 48)]


event = Event(0, signal.SIGUSR1, 1)
try:
    for made in range(3000):
        syscall(222, 1, ctypes.byref(event), ctypes.byref(timer))
    say("timers", "endless")
except OSError as error:
    say("timers", named(error.errno))
