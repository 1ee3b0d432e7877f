import subprocess

found = 0
for top, directories, files in os.walk("/usr"):
    for name in files:
        try:
            mode = os.lstat(os.path.join(top, name)).st_mode
        except OSError:
            continue
        if mode & 0o6000 and (mode & 0o170000) == 0o100000:
            found += 1
            path = os.path.join(top, name)
status = open("/proc/self/status").read()
fields = dict(line.split(":\t", 1) for line in status.splitlines() if ":\t" in line)
for name in ["CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb", "NoNewPrivs", "Seccomp", "Groups"]:
    say(name, fields.get(name, "absent").strip() or "none")
if os.path.exists("/usr/bin/su"):
    text = subprocess.run(["/usr/bin/su", "--version"], capture_output=True, text=True).returncode
child = subprocess.run(["/usr/bin/grep", "-E", "^(CapEff|Uid)", "/proc/self/status"], capture_output=True, text=True).stdout
uid = [line.split()[1] for line in child.splitlines() if line.startswith("Uid")][0]
say("uid-of-child", "own" if uid == "1000" else uid)
