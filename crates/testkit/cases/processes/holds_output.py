# The program ends at once; a child keeps its output open.
if os.fork() == 0:
    import time
    time.sleep(6)
    os._exit(0)
say("parent", "done")
