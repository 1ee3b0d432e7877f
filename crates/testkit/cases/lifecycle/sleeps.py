import time

say("start", "ok")
time.sleep(3)
say("end", "reached")
