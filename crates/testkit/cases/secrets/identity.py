import socket, platform

say("hostname", "own" if socket.gethostname() == "sandbox" else "another")
say("nodename", "own" if os.uname().nodename == "sandbox" else "another")
say("proc-hostname", "own" if open("/proc/sys/kernel/hostname").read().strip() == "sandbox" else "another")
for name, path in [("machine-id", "/etc/machine-id"), ("boot-id", "/proc/sys/kernel/random/boot_id")]:
    attempt(name, lambda: "host's" if open(path).read().strip() == HOST["ids"][name] else "own")
attempt("product-uuid", open_for_writing, "/sys/class/dmi/id/product_uuid")
hosts = open("/etc/hosts").read()
say("hosts-file", "own" if "sandbox" in hosts and len(hosts) < 400 else "another")
users = [line.split(":")[0] for line in open("/etc/passwd")]
say("users", "own" if set(users) <= {"user", "nobody", "root"} else "another")
import pwd
say("user-name", pwd.getpwuid(os.getuid()).pw_name)
