child = os.fork()
if child == 0:
    os.execv("/bin/sh", ["sh", "-c", "read line"])
for pid in ["self", "1", str(child)]:
    attempt("write-exe", open_for_writing, "/proc/%s/exe" % pid)
    attempt("append-exe", lambda: os.close(os.open("/proc/%s/exe" % pid, os.O_WRONLY | os.O_APPEND)))
    attempt("truncate-exe", os.truncate, "/proc/%s/exe" % pid, 0)
path = os.open("/proc/self/exe", os.O_PATH)
attempt("reopen-held-exe", open_for_writing, "/proc/self/fd/%d" % path)
os.kill(child, 9)
attempt("chmod-exe", os.chmod, "/proc/self/exe", 0o777)
