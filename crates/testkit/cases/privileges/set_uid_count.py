import subprocess, shutil

shutil.copy(os.path.realpath("/usr/bin/id"), "planted")
attempt("set-uid-bit", os.chmod, "planted", 0o6755)
os.chmod("planted", 0o755) if result_of(os.access, "planted", os.X_OK) and not os.access("planted", os.X_OK) else None
text = subprocess.run(["./planted"], capture_output=True, text=True).stdout
say("planted", "harmless" if "uid=1000" in text and "uid=0" not in text else text[:60])
status = subprocess.run(["grep", "NoNewPrivs", "/proc/self/status"], capture_output=True, text=True).stdout
say("no-new-privileges", status.split()[-1])
nosuid = [line.split()[5] for line in open("/proc/self/mountinfo")]
say("mounts-without-nosuid", str(sum("nosuid" not in options for options in nosuid)))
