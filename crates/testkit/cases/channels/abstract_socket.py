import socket

for kind in [socket.SOCK_STREAM, socket.SOCK_DGRAM, socket.SOCK_SEQPACKET]:
    def reach():
        one = socket.socket(socket.AF_UNIX, kind)
        one.connect("\0" + HOST["abstract"])
        show(one.recv(100))
    attempt("connect-%d" % kind, reach) if kind == socket.SOCK_STREAM else None


def unreachable_datagram():
    socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM).sendto(b"x", "\0" + HOST["abstract"])


attempt("datagram", unreachable_datagram)
names = [line.split()[-1] for line in open("/proc/net/unix") if "@" in line] if os.path.exists("/proc/net/unix") else []
say("names-shown", "none" if not any(HOST["abstract"] in name for name in names) else "shown")
