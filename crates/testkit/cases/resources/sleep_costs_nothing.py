import time

time.sleep(1.2)
say("slept", "ok")
