import socket

path = os.path.realpath("/usr/bin/env")
image = os.open(path, os.O_RDONLY)
before = os.pread(image, 65536, 0)
left, right = socket.socketpair()
say("sendfile", "ok" if os.sendfile(left.fileno(), image, 0, 4096) > 0 else "nothing")
say("received", "same" if right.recv(4096) == before[:4096] else "different")
target = os.open("copy", os.O_RDWR | os.O_CREAT, 0o600)
os.sendfile(target, image, 0, 65536)
os.pwrite(target, b"changed", 0)
say("image-after", "unchanged" if os.pread(image, 65536, 0) == before else "changed")
