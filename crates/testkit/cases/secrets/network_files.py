port = ":%04X " % HOST["port"]
for name in ["tcp", "tcp6", "udp", "unix", "arp", "route", "netlink", "packet", "dev", "fib_trie"]:
    path = "/proc/net/" + name
    if not os.path.exists(path):
        say(name, "absent")
        continue
    text = open(path).read()
    lines = [line for line in text.splitlines()[1:] if line.strip()]
    foreign = port in text or HOST["abstract"] in text or any("eth" in line or "docker" in line for line in lines)
    say(name, "own" if not foreign else "host's")
