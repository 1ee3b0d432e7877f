import fcntl

try:
    import pty
    primary, secondary = pty.openpty()
except OSError:
    secondary = 0
for name, request, argument in [("TIOCSTI", 0x5412, b"x"), ("TIOCLINUX", 0x541C, b"\x02"), ("TIOCSETD", 0x5423, b"\0\0\0\0"), ("TIOCCONS", 0x541D, b"\0")]:
    attempt(name, lambda: fcntl.ioctl(secondary, request, argument) and None)
    buffer = ctypes.create_string_buffer(argument)
    attempt(name + "-high-bits", syscall, 16, secondary, request | 1 << 32, ctypes.byref(buffer))
