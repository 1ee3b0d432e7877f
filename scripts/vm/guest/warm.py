"""What is tried of warm kernels, of the server's tenants, of projects and of cores."""

import ctypes
import glob
import json
import os
import subprocess
import threading
import time
import urllib.request

import battery
from battery import Wrong, cellblock, expect

PORT = 8787
# Emulated processors serve a request late; one that takes longer hangs.
SECONDS_MAX = 120
# As long as two tenants are watched, and how far from a half each may be.
CONTEST_SECONDS, UNFAIR_MAX = 12, 0.15
PR_SCHED_CORE, PR_SCHED_CORE_GET, PIDTYPE_PID = 62, 0, 0


def session():
    """Cells of one kernel share variables and files; limits are a cgroup's."""
    cells = "x = 6\n_ = open('kept', 'w').write('y' * 3)\n# %%\nprint(x * 7, open('kept').read())\n"
    done = cellblock("session", "-q", input=cells)
    expect((done.returncode, done.stdout) == (0, "42 yyy\n"), done)
    return "variables and files are kept"


def session_memory():
    """A cell beyond the memory ends its kernel, and the next finds the files."""
    cells = "_ = open('kept', 'w').write('y')\nx = bytearray(200 << 20)\n"
    done = cellblock("session", "-m", "64M", input=cells)
    expect(done.returncode != 0 and "out of memory" in done.stderr, done)
    return "ended: " + " ".join(done.stderr.split())


def fork():
    """A run that is forked from a parked interpreter is as confined as a fresh start."""
    result = battery.run("print(6 * 7)", "--start", "fork")
    fresh = battery.run("print(6 * 7)", "--start", "exec")
    expect(result.get("stdout") == "42\n", result)
    levels = [{name: one["level"] for name, one in which["enforcement"]["controls"].items()}
              for which in (result, fresh)]
    expect(levels[0] == levels[1], levels)
    controls = result["enforcement"]["controls"]
    expect("zygote" in controls["time-namespace"]["detail"], controls["time-namespace"])
    expect("cgroup version 2" in controls["memory"]["detail"], controls["memory"])
    return controls["cpu"]["detail"]


def fork_limits():
    """Memory and processes of a forked run are bounded for all of it together."""
    result = battery.run(battery.GROUP, "--memory", "64M", "--start", "fork")
    expect(result["outcome"] == "out_of_memory" and "survived" not in result["stdout"], result)
    result = battery.run(battery.FORKS, "--pids", "20", "--start", "fork")
    expect(result["stdout"].endswith(" 11\n"), result)
    return f"out_of_memory; {result['stdout'].split()[0]} forks of 20"


class Server:
    """`cellblock serve` with two tenants."""

    def __init__(self, directory, **settings):
        self.env = {**os.environ, "CELLBLOCK_STATE_DIR": directory,
                    "CELLBLOCK_LISTEN": f"127.0.0.1:{PORT}", **settings}
        os.makedirs(directory, mode=0o700, exist_ok=True)
        self.keys = [self.key(tenant) for tenant in ("one", "two")]

    def key(self, tenant):
        done = cellblock("key", "create", "--tenant", tenant, env=self.env)
        expect(done.returncode == 0, done)
        return done.stdout.split()[-1]

    def __enter__(self):
        self.process = subprocess.Popen([battery.CELLBLOCK, "serve"], env=self.env,
                                        stderr=subprocess.PIPE, text=True)
        expect(battery.wait_for(self.is_ready, SECONDS_MAX), "it is not ready")
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.said = self.process.communicate(timeout=SECONDS_MAX)[1]

    def is_ready(self):
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{PORT}/ready", timeout=5) as answer:
                return answer.status == 200
        except OSError:
            return False

    def ask(self, key, path, body=None, method=None):
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"http://127.0.0.1:{PORT}{path}", data, method=method)
        request.add_header("Authorization", f"Bearer {key}")
        request.add_header("Content-Type", "application/json")
        try:
            with urllib.request.urlopen(request, timeout=SECONDS_MAX) as answer:
                return json.loads(answer.read() or b"{}")
        except urllib.error.HTTPError as error:
            raise Wrong(f"{path}: {error.code} {error.read()}") from None

    def session(self, key):
        return self.ask(key, "/v1/sessions", {})["session_id"]

    def turn(self, key, session, code):
        return self.ask(key, f"/v1/sessions/{session}/turns", {"code": code})


def turns(server):
    """A session over HTTP, and a kernel that dies in it."""
    key = server.keys[0]
    name = server.session(key)
    server.turn(key, name, "x = 6; open('kept', 'w').write('k')")
    expect(server.turn(key, name, "x * 7")["result"]["data"]["text/plain"] == "42", "no 42")
    died = server.turn(key, name, "import os; os._exit(3)")
    expect(died["outcome"] == "kernel_died" and died["state_lost"], died)
    kept = server.turn(key, name, "print(open('kept').read(), 'x' in globals())")
    expect(str(kept["stdout"]).find("k False") >= 0, kept)
    server.ask(key, f"/v1/sessions/{name}", method="DELETE")
    return "turns, a death, and the files after it"


BUSY = "import time\nend = time.monotonic() + %d\nwhile time.monotonic() < end: pass"


def contest(server):
    """A tenant with one busy session has as much as one with three."""
    owners = [(server.keys[0], 1), (server.keys[1], 3)]
    live = [(number, key, server.session(key))
            for number, (key, count) in enumerate(owners) for _ in range(count)]
    used = [0, 0]

    def work(number, key, name):
        result = server.turn(key, name, BUSY % CONTEST_SECONDS)
        used[number] += result["usage"]["cpu_time_ms"]

    threads = [threading.Thread(target=work, args=one) for one in live]
    for thread in threads:
        thread.start()
    groups = shares()
    for thread in threads:
        thread.join()
    for _, key, name in live:
        server.ask(key, f"/v1/sessions/{name}", method="DELETE")
    share = used[0] / max(1, sum(used))
    return share, groups, used


def shares():
    """Cgroups of owners: those that have cgroups of sandboxes in them."""
    leaves = glob.glob("/sys/fs/cgroup/**/cellblock/*-*-*/*-*-*", recursive=True)
    return sorted({os.path.dirname(leaf) for leaf in leaves if os.path.isdir(leaf)})


def fair(server):
    # All of it on one processor, or one thread alone could never have half of two.
    share, groups, used = contest(server)
    expect(len(groups) == 2, groups)
    expect(abs(share - 0.5) < UNFAIR_MAX, used)
    return f"one session of one tenant had {share:.2f} beside three of another"


def nothing_left():
    found = glob.glob("/sys/fs/cgroup/**/cellblock/*-*-*", recursive=True)
    expect(not found, found)
    return "no cgroup left"


RUN_PY = """
import json, os
with open('/outputs/answer.json', 'w') as file: json.dump({'answer': 42}, file)
print(sorted(os.listdir('/data')))
"""


def project():
    """A repository's run leaves a record with what was enforced and its files."""
    state = "/root/state-projects"
    env = {**os.environ, "CELLBLOCK_STATE_DIR": state}
    os.makedirs("/root/repository", exist_ok=True)
    with open("/root/repository/run.py", "w", encoding="ascii") as file:
        file.write(RUN_PY)
    with open("/root/numbers.csv", "w", encoding="ascii") as file:
        file.write("a,b\n1,2\n")
    git = ["git", "-C", "/root/repository", "-c", "user.name=n", "-c", "user.email=n@localhost"]
    for words in (["init", "-q"], ["add", "."], ["commit", "-qm", "first"]):
        subprocess.run(git + words, check=True)
    for words in (["project", "add", "p", "/root/repository"],
                  ["data", "add", "p", "/root/numbers.csv"]):
        done = cellblock(*words, env=env)
        expect(done.returncode == 0, done)
    done = cellblock("runs", "run", "p", "--json", env=env)
    expect(done.returncode == 0, done)
    record = json.loads(done.stdout)
    text = json.dumps(record)
    expect("cgroup version 2" in text or "cgroup" in text, text)
    listed = cellblock("runs", "list", "--project", "p", env=env)
    name = listed.stdout.split("\n")[1].split()[0] if listed.stdout else ""
    output = cellblock("runs", "output", name, "answer.json", env=env)
    expect('"answer": 42' in output.stdout, (listed, output))
    return "its output is kept"


def smt():
    with open("/sys/devices/system/cpu/smt/active", encoding="ascii") as file:
        return file.read().strip() == "1"


def cookie(pid):
    """The core scheduling cookie of a process, as the kernel tells it."""
    libc, value = ctypes.CDLL(None, use_errno=True), ctypes.c_ulong()
    failed = libc.prctl(PR_SCHED_CORE, PR_SCHED_CORE_GET, pid, PIDTYPE_PID, ctypes.byref(value))
    if failed:
        raise OSError(ctypes.get_errno(), f"PR_SCHED_CORE_GET of {pid}")
    return value.value


def has_cookies():
    try:
        cookie(0)
        return True
    except OSError:
        return False


ASKED = {**os.environ, "CELLBLOCK_CORE_SCHEDULING": "true"}


def of_children(pid):
    """Every process below one, by name."""
    found = {}
    for path in glob.glob("/proc/[0-9]*/status"):
        try:
            with open(path, encoding="ascii") as file:
                lines = dict(line.split(":", 1) for line in file.read().splitlines())
        except OSError:
            continue
        found[int(lines["Pid"])] = (int(lines["PPid"]), lines["Name"].strip())
    below = {pid}
    while True:
        more = {one for one, (parent, _) in found.items() if parent in below} - below
        if not more:
            return {one: found[one][1] for one in below - {pid}}
        below |= more


SLEEP = "import time, os, threading\nthreading.Thread(target=time.sleep, args=(6,)).start()\n" \
    "os.fork() or time.sleep(6)\ntime.sleep(6)"


def cookies_of(count, *arguments):
    """Runs so many at once; the cookies of each one's processes, and its report."""
    words = [battery.CELLBLOCK, "run", "--json", "-l", "python", "-c", SLEEP, *arguments]
    runs = [subprocess.Popen(words, env=ASKED, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                             text=True) for _ in range(count)]
    # All of them are in the middle of their sleep then.
    code = {}

    def asleep():
        for run in runs:
            code[run.pid] = most_together(
                pid for pid, name in of_children(run.pid).items()
                if name.startswith("python") and uid(pid) != 0)
        return all(len(found) >= 2 for found in code.values())

    there = battery.wait_for(asleep, 60)
    cookies = [{cookie(pid) for pid in code[run.pid]} for run in runs]
    own = {cookie(run.pid) for run in runs}
    results = [json.loads(run.communicate(timeout=SECONDS_MAX)[0] or "{}") for run in runs]
    expect(there, (code, results))
    return cookies, own, results


def most_together(pids):
    """Those of the pid namespace that most are in: beside them there may be a parked
    interpreter and sandboxes that wait for a run, each alone in its own."""
    together = {}
    for pid in pids:
        try:
            together.setdefault(os.readlink(f"/proc/{pid}/ns/pid"), set()).add(pid)
        except OSError:
            pass  # It has just ended.
    return max(together.values(), key=len, default=set())


def uid(pid):
    try:
        return os.stat(f"/proc/{pid}").st_uid
    except OSError:
        return 0


def cores(*arguments):
    """Each sandbox has a cookie, the same in all its processes, and the caller none."""
    cookies, own, results = cookies_of(2, *arguments)
    told = [result["enforcement"]["controls"].get("core-scheduling") for result in results]
    expect(all(one and one["level"] == "full" for one in told), told)
    expect(own == {0}, own)
    expect(all(len(one) == 1 and 0 not in one for one in cookies), cookies)
    expect(cookies[0] != cookies[1], cookies)
    return f"{told[0]['detail']}: {[hex(*one) for one in cookies]}"


def cores_refused():
    """Where the kernel gives none, nothing runs, and the reason is said."""
    done = cellblock("run", "-l", "python", "-c", "print(1)", env=ASKED)
    expect(done.returncode == 125 and "core-scheduling" in done.stderr, done)
    return f"status {done.returncode}: " + " ".join(done.stderr.split())
