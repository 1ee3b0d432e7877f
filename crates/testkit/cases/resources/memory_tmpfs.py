say("start", "ok")
import time
for name in ["/dev/shm", "/tmp"]:
    try:
        with open(name + "/battery-fill", "wb") as file:
            for _ in range(160):
                file.write(b"x" * (1 << 20))
    except OSError as error:
        say("file", named(error.errno))
        continue
    finally:
        if not os.path.isdir("/workspace"):
            os.unlink(name + "/battery-fill")
    say("file", "all")
