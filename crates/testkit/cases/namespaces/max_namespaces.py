def raise_limit(name):
    descriptor = os.open("/proc/sys/user/" + name, os.O_WRONLY)
    os.close(descriptor)


for name in ["max_user_namespaces", "max_mnt_namespaces", "max_net_namespaces", "max_pid_namespaces"]:
    attempt("open-" + name, raise_limit, name)
apart("unshare-user", syscall, 272, 0x10000000)
