import socket

names = [name for _, name in socket.if_nameindex()]
for name in names:
    say("interface", "loopback" if name == "lo" else "another")
routes = open("/proc/net/route").read().splitlines()[1:] if os.path.exists("/proc/net/route") else []
say("routes", "none" if not routes else "some")
arp = open("/proc/net/arp").read().splitlines()[1:] if os.path.exists("/proc/net/arp") else []
say("neighbours", "none" if not arp else "some")


def listening():
    text = open("/proc/net/tcp").read() if os.path.exists("/proc/net/tcp") else ""
    return ":%04X " % HOST["port"] in text


say("host-socket", "shown" if listening() else "absent")
# What the sandbox's own loopback carries stays usable.
server = socket.create_server(("127.0.0.1", 0))
client = socket.create_connection(server.getsockname())
say("own-loopback", "ok")
