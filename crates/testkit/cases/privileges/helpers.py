import subprocess

for program, arguments in [("sudo", ["-n", "id"]), ("su", ["-c", "id"]), ("pkexec", ["id"]), ("newuidmap", ["1", "0", "0", "1"]), ("mount", ["-t", "tmpfs", "x", "/tmp"]),
                           ("umount", ["/tmp"]), ("fusermount", ["-u", "/tmp"]), ("unshare", ["-r", "id"]), ("nsenter", ["-t", "1", "-m", "id"]), ("systemd-run", ["id"]),
                           ("dbus-send", ["--system", "x"]), ("newgrp", ["root"]), ("passwd", ["-l", "root"]), ("chsh", []), ("ip", ["link", "add", "type", "dummy"]),
                           ("chroot", ["/usr", "id"]), ("modprobe", ["dummy"]), ("hostname", ["owned"]), ("date", ["-s", "2001-01-01"])]:
    try:
        done = subprocess.run([program, *arguments], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=10)
        say(program, "powerless" if done.returncode != 0 and "uid=0" not in done.stdout else "ok")
    except FileNotFoundError:
        say(program, "absent")
    except PermissionError:
        say(program, "powerless")
    except subprocess.TimeoutExpired:
        say(program, "powerless")
