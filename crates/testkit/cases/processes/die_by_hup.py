signal.signal(1, signal.SIG_DFL) if 1 not in (9, 19) else None
signal.pthread_sigmask(signal.SIG_UNBLOCK, [1])
os.kill(os.getpid(), 1)
signal.pause()
