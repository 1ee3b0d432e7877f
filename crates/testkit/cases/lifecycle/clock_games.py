import time

wall, steady = time.time(), time.monotonic()
time.sleep(0.3)
say("clocks", "together" if abs((time.time() - wall) - (time.monotonic() - steady)) < 0.1 else "apart")
