import hashlib, pathlib, pty, select, ssl, time, tempfile, uuid, zoneinfo, locale, random, selectors

say("ssl", "ok" if ssl.create_default_context() and ssl.OPENSSL_VERSION else "no")
say("hash", "ok" if hashlib.sha256(b"").hexdigest().startswith("e3b0") else "no")


def through_terminal():
    child, terminal = pty.fork()
    if child == 0:
        os.execvp("echo", ["echo", "through a terminal"])
    text = b""
    try:
        while piece := os.read(terminal, 100):
            text += piece
    except OSError:
        pass
    os.waitpid(child, 0)
    return "ok" if b"through a terminal" in text else "no"


try:
    say("pty", through_terminal())
except OSError:
    say("pty", "absent")
say("uuid", "ok" if uuid.uuid4() != uuid.uuid4() else "no")
with selectors.DefaultSelector() as selector:
    read, write = os.pipe()
    selector.register(read, selectors.EVENT_READ)
    os.write(write, b"x")
    say("epoll", "ok" if selector.select(1) else "no")
signal.signal(signal.SIGALRM, lambda *_: None)
signal.setitimer(signal.ITIMER_REAL, 0.05)
signal.pause()
say("timer-signal", "ok")
say("compile-cache", "ok" if __import__("json").__name__ else "no")
