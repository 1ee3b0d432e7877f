import time

time.sleep(0.3)
say("done", "ok")
