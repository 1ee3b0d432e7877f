# The report of the run is compared with what is seen from here.
status = dict(line.split(":\t", 1) for line in open("/proc/self/status").read().splitlines() if ":\t" in line)
say("no-capabilities", "full" if int(status["CapBnd"], 16) == 0 == int(status["CapPrm"], 16) else "none")
say("no-new-privs", "full" if status["NoNewPrivs"].strip() == "1" else "none")
say("syscall-filter", "full" if status["Seccomp"].strip() == "2" else "none")
say("pid-namespace", "full" if len([name for name in os.listdir("/proc") if name.isdigit()]) < 10 else "none")
import socket
say("network", "full" if result_of(socket.create_connection, ("127.0.0.1", HOST["port"]), 2) == "ECONNREFUSED" else "none")
say("user-namespace", "full" if len(open("/proc/self/uid_map").read().split()) and "4294967295" not in open("/proc/self/uid_map").read() else "none")
say("uts-namespace", "full" if os.uname().nodename == "sandbox" else "none")
