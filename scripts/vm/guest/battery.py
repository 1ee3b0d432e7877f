"""What is tried from one place: runs of cellblock, and what must come of them.

Every check returns a sentence about what was seen, or raises Wrong.
"""

import glob
import json
import os
import signal
import subprocess
import time

CELLBLOCK = "/usr/local/bin/cellblock"
# An emulated processor is slow; a run that takes longer than this hangs.
SECONDS_MAX = 90


class Wrong(Exception):
    """A check saw something else than it must see."""


def expect(condition, seen):
    if not condition:
        raise Wrong(str(seen)[:700])


def cellblock(*arguments, **options):
    return subprocess.run([CELLBLOCK, *arguments], capture_output=True, text=True,
                          timeout=SECONDS_MAX, check=False, **options)


def run(code, *arguments):
    """Runs Python code inside; the object that `--json` prints."""
    done = cellblock("run", "--json", "-l", "python", "-c", code, *arguments)
    try:
        return json.loads(done.stdout)
    except ValueError:
        raise Wrong(f"status {done.returncode}: {done.stdout} {done.stderr}") from None


def works(*arguments):
    result = run("print(6 * 7)", *arguments)
    expect(result.get("stdout") == "42\n", result)
    missing = result["enforcement"]["missing"]
    return "nothing missing" if not missing else "missing: " + ", ".join(
        lack if isinstance(lack, str) else lack.get("control", str(lack)) for lack in missing)


def enforced():
    """Memory, processes and processors are held by cgroups."""
    result = run("print(1)", "--cpus", "1", "--cpu-time", "1m")
    controls = result["enforcement"]["controls"]
    held = {name: controls[name] for name in ("memory", "pids", "cpu", "cpu-time")}
    expect(all(one["level"] == "full" for one in held.values()), held)
    expect(all("cgroup" in one["detail"] for one in held.values()), held)
    return held["memory"]["detail"]


GROUP = """
import os, sys, time
if os.fork() == 0:
    blocks = []
    while True: blocks.append(bytearray(1 << 20))
for _ in range(60): time.sleep(0.5)
print('survived')
"""


def memory():
    """The whole group is killed for what a grandchild does."""
    result = run(GROUP, "--memory", "64M")
    expect(result["outcome"] == "out_of_memory", result)
    expect("survived" not in result["stdout"], result)
    peak = result["usage"]["memory_peak_bytes"]
    return f"out_of_memory after {result['usage']['wall_time_ms']} ms, peak {peak}"


FORKS = """
import os, signal
count = 0
try:
    while count < 200:
        if os.fork() == 0: signal.pause()
        count += 1
except OSError as error:
    print(count, error.errno)
os._exit(0)
"""


def pids():
    result = run(FORKS, "--pids", "20")
    expect(result["stdout"] == "19 11\n", result)
    return f"the 20th fork was refused, peak {result['usage']['pids_peak']}"


BUSY = """
import os, time
end = time.monotonic() + 4
if os.fork() == 0:
    while time.monotonic() < end: pass
    os._exit(0)
while time.monotonic() < end: pass
os.wait()
"""


def cpus():
    usage = run(BUSY, "--cpus", "0.5")["usage"]
    share = usage["cpu_time_ms"] / usage["wall_time_ms"]
    expect(0.3 < share < 0.65, usage)
    return f"two busy processes had {share:.2f} of a processor of 0.5"


def cpu_time():
    result = run("while True: pass", "--cpu-time", "1s", "--timeout", "30s")
    expect((result["outcome"], result["limit"]) == ("timed_out", "cpu_time"), result)
    return f"ended after {result['usage']['cpu_time_ms']} ms of processor time"


def timeout():
    result = run("import time; time.sleep(60)", "--timeout", "2s")
    expect((result["outcome"], result["limit"]) == ("timed_out", "wall_time"), result)
    expect(result["usage"]["wall_time_ms"] < 4000, result)
    return f"ended after {result['usage']['wall_time_ms']} ms"


def usage():
    code = "block = b'x' * (50 << 20); n = sum(range(3 << 20))"
    used = run(code)["usage"]
    expect(50 << 20 < (used["memory_peak_bytes"] or 0) < 200 << 20, used)
    expect(0 < (used["cpu_time_ms"] or 0) <= 2 * used["wall_time_ms"], used)
    return json.dumps(used)


def leaves():
    """Names of the cgroups of sandboxes that are there."""
    return glob.glob("/sys/fs/cgroup/**/cellblock/*-*-*", recursive=True)


def nothing_left():
    expect(not leaves(), leaves())
    return "no cgroup left"


def sleepers():
    found = []
    for line in glob.glob("/proc/[0-9]*/cmdline"):
        try:
            with open(line, "rb") as file:
                words = file.read()
        except OSError:
            continue
        if b"sleep(76543)" in words and b"cellblock" not in words:
            found.append(line)
    return found


def wait_for(condition, seconds):
    end = time.monotonic() + seconds
    while not condition() and time.monotonic() < end:
        time.sleep(0.1)
    return condition()


def killed():
    """Nothing survives the end of its owner, and the next start tidies up."""
    arguments = [CELLBLOCK, "run", "-l", "python", "-c", "import time; time.sleep(76543)"]
    owner = subprocess.Popen(arguments)
    expect(wait_for(leaves, 20), "no cgroup was made")
    time.sleep(2)
    owner.send_signal(signal.SIGKILL)
    owner.wait()
    expect(wait_for(lambda: not sleepers(), 5), "it lives on")
    left = len(leaves())
    works()
    nothing_left()
    return f"{left} left by the kill, none after the next start"


def refused(*arguments):
    """It does not run, and says what to do."""
    done = cellblock("run", "-l", "python", "-c", "print(1)", *arguments)
    expect(done.returncode == 125 and "1\n" not in done.stdout and "hint" in done.stderr, done)
    return " ".join(done.stderr.split())


def share(directory, option=""):
    """A share is as it is asked for, or refused: never in between."""
    os.makedirs(directory, exist_ok=True)
    with open(f"{directory}/given", "w", encoding="ascii") as file:
        file.write("text")
    os.chown(f"{directory}/given", os.stat(directory).st_uid, os.stat(directory).st_gid)
    code = "t = open('given').read(); open('made', 'w').write(t); import os; os.unlink('given')"
    done = cellblock("run", "-l", "python", "-w", directory + option, "-c", code)
    if done.returncode == 0:
        owner = os.stat(f"{directory}/made").st_uid
        expect(owner == os.stat(directory).st_uid and not os.path.exists(f"{directory}/given"),
               (owner, os.listdir(directory)))
        return "written as its owner"
    expect(os.listdir(directory) == ["given"], os.listdir(directory))
    expect(done.returncode == 125 and "file system" in done.stderr, done)
    return f"status {done.returncode}: " + " ".join(done.stderr.split())
