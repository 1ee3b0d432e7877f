ALLOWED = {"PATH", "HOME", "USER", "LOGNAME", "LANG", "LC_ALL", "LC_CTYPE", "PWD", "SHLVL", "TMPDIR", "TERM", "SHELL", "TZ", "NO_COLOR", "VIRTUAL_ENV", "HOSTNAME",
           "PYTHONDONTWRITEBYTECODE", "PYTHONUNBUFFERED", "PYTHONSAFEPATH", "PYTHONNOUSERSITE", "PYTHONUTF8", "PYTHONIOENCODING", "PYTHONHOME", "LD_LIBRARY_PATH", "XDG_CACHE_HOME", "_"}
for name in sorted(os.environ):
    say("env-var", "known" if name in ALLOWED else name)
show(repr(dict(os.environ)).encode())
for pid in [name for name in os.listdir("/proc") if name.isdigit()]:
    for file in ("environ", "cmdline", "auxv", "stat"):
        try:
            show(open("/proc/%s/%s" % (pid, file), "rb").read())
        except OSError:
            pass
try:
    init = open("/proc/1/cmdline", "rb").read().replace(b"\0", b" ").decode().strip()
    say("init-command-line", "neutral" if "/" not in init and len(init) < 32 else init[:60])
except FileNotFoundError:
    say("init-command-line", "absent")
