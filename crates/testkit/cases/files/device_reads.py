for name in ["kmsg", "mem", "port", "kvm", "fuse", "loop-control", "vda", "net/tun", "vsock"]:
    attempt("dev-" + name, os.stat, "/dev/" + name)
