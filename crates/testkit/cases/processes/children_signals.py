# Each child ends by a signal; the parent is told which.
for number in range(1, 65):
    if number in (17, 18, 19, 20, 21, 22, 23, 28, 32, 33):
        continue
    child = os.fork()
    if child == 0:
        if number not in (9, 19):
            signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)
        os._exit(77)
    _, status = os.waitpid(child, 0)
    say("signal", "same" if os.WIFSIGNALED(status) and os.WTERMSIG(status) == number else "%d: %d" % (number, status))
