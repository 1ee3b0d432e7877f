text = open("/proc/self/status").read()
fields = dict(line.split(":\t", 1) for line in text.splitlines() if ":\t" in line)
say("swap-used", "none" if fields.get("VmSwap", "0 kB").split()[0] == "0" else fields["VmSwap"])
