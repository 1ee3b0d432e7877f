import socket

tcp, udp = socket.socket(), socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
attempt("reuse", tcp.setsockopt, socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
attempt("no-delay", tcp.setsockopt, socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
attempt("keep-alive", tcp.setsockopt, socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
attempt("broadcast", udp.setsockopt, socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
attempt("buffer", udp.setsockopt, socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
