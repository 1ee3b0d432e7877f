# The env vars of the caller reach the program only; nothing of ours heeds them.
say("program-sees-it", "yes" if os.environ.get("BATTERY_HOOK") == "set" else "no")
status = open("/proc/self/status").read()
for name in ("Seccomp", "NoNewPrivs"):
    say(name, [line.split()[1] for line in status.splitlines() if line.startswith(name + ":")][0])
