import socket

attempt("vsock-stream", lambda: socket.socket(40, socket.SOCK_STREAM).close())
attempt("vsock-datagram", lambda: socket.socket(40, socket.SOCK_DGRAM).close())
attempt("dev-vsock", os.stat, "/dev/vsock")
