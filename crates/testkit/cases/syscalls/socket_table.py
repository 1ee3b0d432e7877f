# Every family, kind and protocol: only those on the list are there.
AF_UNIX, AF_INET, AF_INET6, AF_NETLINK = 1, 2, 10, 16
for family in range(0, 51):
    for kind in (1, 2, 3, 4, 5, 6, 10):
        for protocol in (0, 1, 2, 6, 9, 12, 15, 16, 17, 33, 58, 132, 136, 255, 262):
            allowed = (family == AF_UNIX and kind in (1, 2, 5) and protocol in (0, 1)) or (
                family in (AF_INET, AF_INET6) and ((kind == 1 and protocol in (0, 6)) or (kind == 2 and protocol in (0, 17)))) or (
                family == AF_NETLINK and kind in (2, 3) and protocol == 0)
            if allowed:
                continue
            try:
                os.close(syscall(41, family, kind, protocol))
                say("family-%d" % family, "ok: kind %d protocol %d" % (kind, protocol))
            except OSError as error:
                if error.errno not in (errno.EAFNOSUPPORT, errno.EPROTONOSUPPORT, errno.EPROTOTYPE, errno.ESOCKTNOSUPPORT, errno.EPERM, errno.EINVAL):
                    say("family-%d" % family, named(error.errno))
say("table", "done")
