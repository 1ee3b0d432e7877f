import socket, threading

for family, address in [(socket.AF_INET, "127.0.0.1"), (socket.AF_INET, "127.9.9.9"), (socket.AF_INET6, "::1")]:
    server = socket.create_server((address, 0), family=family)
    client = socket.create_connection(server.getsockname()[:2])
    peer, _ = server.accept()
    peer.sendall(b"hello")
    say("loopback", client.recv(9).decode())
left, right = socket.socketpair()
left.sendall(b"hello")
say("pair", right.recv(9).decode())
server = socket.socket(socket.AF_UNIX)
server.bind("named.sock")
server.listen()
client = socket.socket(socket.AF_UNIX)
client.connect("named.sock")
say("named-socket", "hello")
