import pty

primary, secondary = pty.openpty()
name = os.ttyname(secondary)
attempt("chmod", os.chmod, name, 0o666)
attempt("chown", os.chown, name, os.getuid(), os.getgid())
attempt("touch", os.utime, name, (1, 1))


def one_too_many():
    held = []
    try:
        for _ in range(16):
            held.append(os.open("/dev/ptmx", os.O_RDWR | os.O_NOCTTY))
    finally:
        for descriptor in held:
            os.close(descriptor)


attempt("one-too-many", one_too_many)


def controlling():
    child, terminal = pty.fork()
    if child == 0:
        os.execvp("tty", ["tty"])
    text = b""
    while not text.endswith(b"\n"):
        text += os.read(terminal, 100)
    os.waitpid(child, 0)
    return "ok" if text.startswith(b"/dev/pts/") else text.decode()


attempt("controlling", controlling)
attempt("dev-tty", lambda: os.close(os.open("/dev/tty", os.O_RDWR)))
