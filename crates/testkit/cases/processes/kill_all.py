import time

child = os.fork()
if child == 0:
    time.sleep(30)
    os._exit(0)
attempt("kill-all", os.kill, -1, 9)
say("child", "killed" if os.WIFSIGNALED(os.waitpid(child, 0)[1]) else "alive")
say("self", "alive")
