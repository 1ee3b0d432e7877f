import socket

image = os.open(os.path.realpath("/usr/bin/env"), os.O_RDONLY)
read, write = os.pipe()
other_read, other_write = os.pipe()
os.write(write, b"x" * 100)
before = os.pread(image, 64, 0)


class Piece(ctypes.Structure):
    _fields_ = [("base", ctypes.c_void_p), ("length", ctypes.c_size_t)]


text = ctypes.create_string_buffer(b"x" * 4096)
piece = Piece(ctypes.addressof(text), 4096)
attempt("splice", syscall, 275, image, None, write, None, 100, 2)
attempt("tee", syscall, 276, read, other_write, 10, 2)
attempt("vmsplice", syscall, 278, other_write, ctypes.byref(piece), 1, 2)
attempt("vmsplice-gift", syscall, 278, other_write, ctypes.byref(piece), 1, 10)
tcp = socket.socket()
attempt("zero-copy-tcp", tcp.setsockopt, socket.SOL_SOCKET, 60, 1)
udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
attempt("zero-copy-udp", udp.setsockopt, socket.SOL_SOCKET, 60, 1)
attempt("kernel-crypto-socket", socket.socket, 38, socket.SOCK_SEQPACKET, 0)
