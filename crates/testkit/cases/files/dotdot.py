def inode(path):
    found = os.stat(path)
    return (found.st_dev, found.st_ino)


start = inode("/")
os.chdir("/workspace" if os.path.isdir("/workspace") else "/")
for _ in range(64):
    os.chdir("..")
say("chdir-up", "same root" if inode(".") == start else "another root")
for name in ["/proc/self/root/..", "/proc/self/root/../..", "/../../..", "/proc/self/cwd/../../.."]:
    say("path-up", "same root" if inode(name) == start else "another root")
attempt("etc-shadow-up", read_file, "../" * 64 + "etc/shadow")
descriptor = os.open("/", os.O_PATH)
attempt("openat-up", lambda: show(os.read(os.open("../" * 32 + "etc/shadow", os.O_RDONLY, dir_fd=descriptor), 100)))
attempt("planted-up", read_file, "../" * 64 + HOST["readable"].lstrip("/"))
