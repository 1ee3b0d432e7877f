class Head(ctypes.Structure):
    _fields_ = [("version", ctypes.c_uint), ("pid", ctypes.c_int)]


def capset(low):
    head = Head(0x20080522, 0)
    data = (ctypes.c_uint * 6)(low, low, low, 0, 0, 0)
    syscall(126, ctypes.byref(head), ctypes.byref(data))


for number in (0, 1, 6, 7, 12, 13, 18, 19, 21, 24, 25, 27):
    apart("capset-%d" % number, capset, 1 << number)
for number in (12, 21):
    apart("ambient-%d" % number, lambda: syscall(157, 47, 2, number, 0, 0) and None)
    apart("drop-bound-%d" % number, lambda: syscall(157, 24, number, 0, 0, 0) and None)


def keep_then_switch():
    syscall(157, 8, 1, 0, 0, 0)
    os.setresuid(4242, 4242, 4242)


apart("keepcaps-then-switch", keep_then_switch)
