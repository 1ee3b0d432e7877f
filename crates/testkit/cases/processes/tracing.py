import time

child = os.fork()
if child == 0:
    time.sleep(30)
    os._exit(0)
apart("traceme", syscall, 101, 0, 0, 0, 0)
attempt("attach-child", syscall, 101, 16, child, 0, 0)
# Without the sandbox the parent is the harness, which must not be stopped.
parent = os.getppid() if os.getppid() in (0, 1) else child
attempt("attach-parent", syscall, 101, 16, parent, 0, 0)
attempt("attach-1", syscall, 101, 16, 1, 0, 0)
attempt("seize-child", syscall, 101, 0x4206, child, 0, 0)
os.kill(child, 9)
