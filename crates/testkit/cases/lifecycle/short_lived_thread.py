# A child of a thread that ends: it is not taken with the thread.
import subprocess, threading, time

children = []


def spawn():
    children.append(subprocess.Popen(["sleep", "0.6"]))


thread = threading.Thread(target=spawn)
thread.start()
thread.join()
time.sleep(0.2)
say("child", "alive" if children[0].poll() is None else "gone")
say("status", str(children[0].wait()))
