# Every process makes more, until the time limit; bounded to 40 at once without the sandbox.
import time

if not os.path.isdir("/workspace"):
    say("bomb", "not set off here")
    raise SystemExit
end = time.time() + 5
while time.time() < end:
    try:
        os.fork()
    except OSError:
        time.sleep(0.01)
