import fcntl

try:
    fcntl.fcntl(1, 1031, 1 << 20)
except OSError:
    pass
try:
    os.read(os.open("/proc/self/fd/1", os.O_RDONLY | os.O_NONBLOCK), 10)
except OSError:
    pass
try:
    again = os.open("/proc/self/fd/1", os.O_WRONLY)
    os.dup2(again, 1)
    say("reopened", "ok")
except OSError as error:
    say("reopened", named(error.errno))
say("after", "ok")
