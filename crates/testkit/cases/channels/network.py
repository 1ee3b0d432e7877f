import socket


def send(address, option=None):
    one = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    if option:
        one.setsockopt(socket.SOL_SOCKET, option, 1)
    one.sendto(b"x", address)


def send6(address):
    socket.socket(socket.AF_INET6, socket.SOCK_DGRAM).sendto(b"x", address)


def connect(address):
    one = socket.socket()
    one.setblocking(False)
    try:
        one.connect(address)
    except BlockingIOError:
        pass


# Addresses set aside for documentation: nothing is there.
attempt("internet", connect, ("192.0.2.1", 80))
attempt("internet-datagram", send, ("192.0.2.1", 9))
attempt("private", send, ("10.255.255.254", 9))
attempt("link-local", send, ("169.254.42.42", 9))
attempt("broadcast", send, ("255.255.255.255", 9), socket.SO_BROADCAST)
attempt("multicast", send, ("224.0.0.251", 9))
attempt("v6-link-local", send6, ("fe80::1", 9))
attempt("v6-multicast", send6, ("ff02::1", 9))
attempt("v6-internet", send6, ("2001:db8::1", 9))
attempt("names", lambda: socket.getaddrinfo("battery.invalid", 80) and None)
