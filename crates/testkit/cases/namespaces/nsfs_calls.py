import fcntl

for name, request in [("userns", 0xB701), ("parent", 0xB702), ("type", 0xB703), ("owner", 0xB704), ("mntns-id", 0x8008B705)]:
    for space in ["pid", "user"]:
        buffer = bytearray(8)
        attempt("%s-of-%s" % (name, space), lambda: fcntl.ioctl(os.open("/proc/self/ns/" + space, os.O_RDONLY), request, buffer) and None)
