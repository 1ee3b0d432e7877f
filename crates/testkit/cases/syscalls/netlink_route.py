import socket, struct

one = socket.socket(16, socket.SOCK_RAW, 0)
one.bind((0, 0))
one.send(struct.pack("IHHIIBxxxiII", 32, 18, 0x301, 1, 0, 0, 0, 0, 0))
say("dump", "ok" if len(one.recv(65536)) > 16 else "empty")
