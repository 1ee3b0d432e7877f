child = os.fork()
if child == 0:
    signal.pause()
attempt("child-mem", lambda: os.close(os.open("/proc/%d/mem" % child, os.O_RDWR)))
os.kill(child, 9)
attempt("init-mem", lambda: os.close(os.open("/proc/1/mem", os.O_RDWR)))
