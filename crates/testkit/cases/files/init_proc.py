def link(path):
    show(os.readlink(path).encode())


for name in ["root", "cwd", "exe"]:
    attempt("readlink-" + name, link, "/proc/1/" + name)
attempt("fd", os.listdir, "/proc/1/fd")
attempt("environ", read_file, "/proc/1/environ")
attempt("mem", lambda: os.close(os.open("/proc/1/mem", os.O_RDONLY)))
attempt("mem-write", lambda: os.close(os.open("/proc/1/mem", os.O_WRONLY)))
attempt("maps", read_file, "/proc/1/maps")
attempt("auxv", read_file, "/proc/1/auxv")
attempt("map_files", os.listdir, "/proc/1/map_files")
attempt("root-list", os.listdir, "/proc/1/root/")
attempt("ns-link", link, "/proc/1/ns/mnt")
attempt("stack", read_file, "/proc/1/stack")
attempt("exe-write", open_for_writing, "/proc/1/exe")
attempt("fdinfo", os.listdir, "/proc/1/fdinfo")
