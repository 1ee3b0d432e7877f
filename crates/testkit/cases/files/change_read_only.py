import shutil
from pathlib import Path

# A throw-away stand-in outside, where the real directories must not be touched.
inside = os.path.isdir("/workspace") and os.getcwd().startswith("/workspace")
if inside:
    places = ["/usr/bin/env", "/usr/lib", "/etc/passwd", "/etc", "/usr", "/"]
else:
    base = Path.cwd() / "stand-in"
    (base / "dir").mkdir(parents=True)
    (base / "file").write_text("x")
    places = [str(base / "file"), str(base / "dir"), str(base / "file"), str(base / "dir"), str(base / "dir"), str(base)]


def write(path):
    os.close(os.open(path, os.O_WRONLY))


def create(path):
    os.close(os.open(path + "/made", os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))


kinds = ["program", "libraries", "passwd", "etc", "usr", "top"]
for kind, path in zip(kinds, places):
    if os.path.isdir(path):
        attempt("create-" + kind, create, path)
        attempt("mkdir-" + kind, os.mkdir, path + "/made-dir")
        attempt("symlink-" + kind, os.symlink, "x", path + "/made-link")
        attempt("mkfifo-" + kind, os.mkfifo, path + "/made-fifo")
    else:
        attempt("write-" + kind, write, path)
        attempt("truncate-" + kind, os.truncate, path, 1)
    attempt("chmod-" + kind, os.chmod, path, 0o777)
    attempt("chown-" + kind, os.chown, path, os.getuid(), os.getgid())
    attempt("utime-" + kind, os.utime, path, (1, 1))
    attempt("xattr-" + kind, os.setxattr, path, "user.battery", b"x")
for kind, path in list(zip(kinds, places))[:2]:
    attempt("rename-" + kind, os.rename, path, path + "-moved")
    if not inside and os.path.exists(path + "-moved"):
        os.rename(path + "-moved", path)
    attempt("unlink-" + kind, os.rmdir if os.path.isdir(path) else os.unlink, path)
