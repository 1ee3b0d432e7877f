"""Runs the battery from each place a caller may stand in, and prints a report.

A line of the report: `REPORT held|failed|note`, the check, what was seen.
"""

import ctypes
import os
import pwd
import subprocess
import sys
import traceback

import battery
import warm

CGROUP = "/sys/fs/cgroup"
CONTROLLERS = "+memory +pids +cpu"
GUEST = pwd.getpwnam("guest")
CLONE_NEWNS, CLONE_NEWCGROUP = 0x20000, 0x2000000


def report(kind, check, seen):
    print(f"REPORT {kind}\t{check}\t{' '.join(str(seen).split())}", flush=True)


def check(name, act, *arguments):
    try:
        report("held", name, act(*arguments))
    except battery.Wrong as wrong:
        report("failed", name, wrong)
    except Exception as error:  # A check that breaks must not hide the rest.
        traceback.print_exc()
        report("failed", name, repr(error))


def write(path, text):
    with open(path, "w", encoding="ascii") as file:
        file.write(text)


def make(path, owner=None):
    """A cgroup whose ancestors pass their controllers on, given to `owner`."""
    place = CGROUP
    for part in path.split("/"):
        write(f"{place}/cgroup.subtree_control", CONTROLLERS)
        place = f"{place}/{part}"
        os.makedirs(place, exist_ok=True)
    if owner is not None:
        give(place, owner)
    return place


def give(place, owner):
    """What systemd hands over of a unit with `Delegate=yes`."""
    for name in ("", "/cgroup.procs", "/cgroup.subtree_control", "/cgroup.threads"):
        os.chown(place + name, owner.pw_uid, owner.pw_gid)


def become(owner):
    os.setgroups([])
    os.setgid(owner.pw_gid)
    os.setuid(owner.pw_uid)
    os.environ.update(HOME=owner.pw_dir, USER=owner.pw_name)
    os.chdir(owner.pw_dir)


def contain(flags):
    """Sees its own cgroup as the root of all, as a container does."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(CLONE_NEWNS | CLONE_NEWCGROUP) != 0:
        raise OSError(ctypes.get_errno(), "unshare")
    commands = [["mount", "--make-rprivate", "/"], ["umount", "-l", CGROUP],
                ["mount", "-t", "cgroup2", "cgroup2", CGROUP]]
    if flags:
        commands.append(["mount", "-o", f"remount,bind,{flags}", CGROUP])
    for command in commands:
        subprocess.run(command, check=True)


def from_place(name, place, act, owner=None, container=None):
    """Has a process of its own, in this cgroup, do the checks of `act`."""
    sys.stdout.flush()
    child = os.fork()
    if child == 0:
        try:
            write(f"{place}/cgroup.procs", str(os.getpid()))
            if container is not None:
                contain(container)
            if owner is not None:
                become(owner)
            act(name)
        except Exception:
            traceback.print_exc()
            report("failed", f"{name}: set-up", traceback.format_exc())
        finally:
            sys.stdout.flush()
            os._exit(0)
    os.waitpid(child, 0)
    if place != CGROUP:
        report("note", f"{name}: tree", tree(place))


def tree(place):
    """The cgroups below a place, and what they pass on."""
    found = []
    for path, _, _ in os.walk(place):
        with open(f"{path}/cgroup.subtree_control", encoding="ascii") as file:
            found.append(f"{os.path.relpath(path, place)} [{file.read().strip()}]")
    return "; ".join(found)


LIMITS = [("limits come from cgroups", battery.enforced), ("memory", battery.memory),
          ("pids", battery.pids), ("processors", battery.cpus)]
REST = [("processor time", battery.cpu_time), ("time", battery.timeout),
        ("usage", battery.usage), ("nothing left", battery.nothing_left),
        ("killed owner", battery.killed)]


def limits(name):
    check(f"{name}: a run", battery.works)
    for what, act in LIMITS:
        check(f"{name}: {what}", act)
    check(f"{name}: nothing left", battery.nothing_left)


def everything(name):
    limits(name)
    for what, act in REST:
        check(f"{name}: {what}", act)


def single(name):
    check(f"{name}: limits come from cgroups", battery.enforced)


def without(name):
    check(f"{name}: refused with a hint", battery.refused)
    check(f"{name}: --allow-missing cgroup", battery.works, "--allow-missing", "cgroup")


def doctor(name):
    done = battery.cellblock("doctor")
    for line in done.stdout.splitlines():
        report("note", f"{name}: doctor", line)
    kind = "held" if done.returncode == 0 else "failed"
    report(kind, f"{name}: doctor", f"status {done.returncode} {done.stderr}")


def shares():
    check("share of ext4 by root", battery.share, "/root/share")
    check("share of ext4 of a user by root", battery.share, owned("/home/guest/of-user"))
    check("share of tmpfs by root", battery.share, "/tmp/share")
    for path in ("/tmp/layers/low", "/tmp/layers/up", "/tmp/layers/work", "/tmp/merged"):
        os.makedirs(path, exist_ok=True)
    options = "lowerdir=/tmp/layers/low,upperdir=/tmp/layers/up,workdir=/tmp/layers/work"
    subprocess.run(["mount", "-t", "overlay", "-o", options, "overlay", "/tmp/merged"], check=False)
    check("share of an overlay by root", battery.share, "/tmp/merged/share")
    check("share of tmpfs, read-only, by root", read_only, "/tmp/read")


def owned(directory):
    os.makedirs(directory, exist_ok=True)
    os.chown(directory, GUEST.pw_uid, GUEST.pw_gid)
    return directory


def read_only(directory):
    os.makedirs(directory, exist_ok=True)
    write(f"{directory}/given", "text")
    done = battery.cellblock("run", "-l", "python", "-w", directory + ":ro",
                             "-c", "print(open('given').read())")
    battery.expect(done.stdout == "text\n" or done.returncode == 125, done)
    return done.stdout or f"status {done.returncode}: {done.stderr}"


def user_shares(name):
    check(f"{name}: share of ext4", battery.share, f"{GUEST.pw_dir}/share")
    check(f"{name}: share of tmpfs", battery.share, "/tmp/users-share")


def users_everything(name):
    everything(name)
    users_warm(name)
    doctor(name)
    user_shares(name)


def warm_and_kept():
    """Warm kernels, tenants and projects, by root in the root cgroup."""
    for what, act in [("session", warm.session), ("session's memory", warm.session_memory),
                      ("run --start fork", warm.fork), ("its limits", warm.fork_limits),
                      ("project's run", warm.project)]:
        check(f"warm: {what}", act)
    check("server: tenants", tenants)
    check("server: nothing left", warm.nothing_left)


def tenants():
    with warm.Server("/root/state") as server:
        check("server: turns", warm.turns, server)
        check("server: processors shared between tenants", warm.fair, server)
    return "it came and went"


def cores():
    report("note", "threads of a core", f"SMT {warm.smt()}, cookies {warm.has_cookies()}")
    if not warm.has_cookies():
        check("core scheduling: refused with a hint", warm.cores_refused)
        return
    check("core scheduling: a fresh start", warm.cores, "--start", "exec")
    check("core scheduling: a forked one", warm.cores, "--start", "fork")


def users_warm(name):
    check(f"{name}: session", warm.session)
    check(f"{name}: run --start fork", warm.fork)


def places():
    from_place("root in the root cgroup", CGROUP, everything)
    session = make("user.slice/user-0.slice/session-1.scope")
    from_place("root in a session", session, limits)
    session = make("user.slice/user-1000.slice/session-2.scope")
    from_place("user in a session", session, without, owner=GUEST)
    scope = make("system.slice/run-1.scope", GUEST)
    from_place("user in a delegated scope", scope, users_everything, owner=GUEST)
    service = make("system.slice/one.service", GUEST)
    from_place("user's service, first start", service, single, owner=GUEST)
    manager = make("user.slice/user-1000.slice/user@1000.service", GUEST)
    below = make("user.slice/user-1000.slice/user@1000.service/app.slice/run-2.scope", GUEST)
    give(os.path.dirname(below), GUEST)
    from_place("user in a scope of its manager", below, limits, owner=GUEST)
    report("note", "user in a scope of its manager: whole tree", tree(manager))
    container = make("system.slice/container-1")
    from_place("root in a container", container, limits, container="")
    container = make("system.slice/container-2")
    from_place("root in a container, read-only cgroups", container, without, container="ro")


def main():
    report("note", "kernel", os.uname().release)
    with open("/sys/kernel/security/lsm", encoding="ascii") as file:
        report("note", "lsm", file.read())
    doctor("root")
    only = os.environ.get("ONLY", "")
    if only in ("", "shares"):
        shares()
    if only in ("", "warm"):
        warm_and_kept()
    if only in ("", "cores"):
        cores()
    if only in ("", "places"):
        places()
    report("end", "all", "checks ran")


main()
