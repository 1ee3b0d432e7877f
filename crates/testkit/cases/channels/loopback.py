import socket


def fetch(host, family):
    one = socket.socket(family, socket.SOCK_STREAM)
    one.settimeout(2)
    one.connect((host, HOST["port"]))
    one.sendall(b"GET / HTTP/1.0\r\n\r\n")
    show(one.recv(200))


attempt("v4", fetch, "127.0.0.1", socket.AF_INET)
attempt("any-address", fetch, "0.0.0.0", socket.AF_INET)
attempt("v4-other-loopback", fetch, "127.0.0.53", socket.AF_INET)
attempt("v6-mapped", fetch, "::ffff:127.0.0.1", socket.AF_INET6)
