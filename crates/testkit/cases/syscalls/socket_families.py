FAMILIES = {"PACKET": 17, "RXRPC": 33, "KEY": 15, "TIPC": 30, "CAN": 29, "BLUETOOTH": 31, "ALG": 38, "NFC": 39, "VSOCK": 40,
            "KCM": 41, "QIPCRTR": 42, "SMC": 43, "XDP": 44, "MCTP": 45, "LLC": 26, "PPPOX": 24, "RDS": 21, "X25": 9, "AX25": 3, "PHONET": 35}
for name, family in FAMILIES.items():
    kinds = {}
    for kind in (1, 2, 3, 5):
        kinds[kind] = result_of(lambda: os.close(syscall(41, family, kind, 0)))
    results = set(kinds.values())
    say(name, "ok" if "ok" in results else "+".join(sorted(results)))
for name, family, kind in [("raw", 2, 3), ("raw6", 10, 3), ("pair-netlink", 16, 2)]:
    attempt(name, lambda: os.close(syscall(41, family, kind, 255 if family != 16 else 12)))
pair = (ctypes.c_int * 2)()
for name, family in [("pair-inet", 2), ("pair-tipc", 30)]:
    attempt(name, syscall, 53, family, 1, 0, ctypes.byref(pair))
attempt("mptcp", lambda: os.close(syscall(41, 2, 1, 262)))
attempt("sctp", lambda: os.close(syscall(41, 2, 1, 132)))
attempt("udplite", lambda: os.close(syscall(41, 2, 2, 136)))
attempt("ping", lambda: os.close(syscall(41, 2, 2, 1)))
