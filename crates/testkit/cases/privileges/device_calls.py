import fcntl

given = os.open("/dev/urandom", os.O_RDWR)
entropy = (8).to_bytes(4, "little") * 2 + b"battery!"
attempt("add-entropy", lambda: fcntl.ioctl(given, 0x40085203, entropy) and None)
attempt("add-to-count", lambda: fcntl.ioctl(given, 0x40045201, (0).to_bytes(4, "little")) and None)
attempt("reseed", lambda: fcntl.ioctl(given, 0x5207) and None)
attempt("clear-pool", lambda: fcntl.ioctl(given, 0x5206) and None)
null = os.open("/dev/null", os.O_RDWR)
for name, request in [("block-size", 0x1272), ("block-flush", 0x1261), ("scsi", 0x2285), ("freeze", 0xC0045877), ("dedupe-range", 0xC0189436)]:
    attempt(name, lambda: fcntl.ioctl(null, request, bytes(64)) and None)
