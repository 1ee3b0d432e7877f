import mmap, shutil, sqlite3, tempfile
from multiprocessing import shared_memory

base = sqlite3.connect("data.db")
base.execute("pragma journal_mode=wal")
base.execute("create table t (x)")
base.executemany("insert into t values (?)", [(n,) for n in range(1000)])
base.commit()
say("sqlite-wal", "ok" if base.execute("select sum(x) from t").fetchone()[0] == 499500 else "wrong")
with tempfile.TemporaryDirectory() as directory:
    path = directory + "/a"
    with open(path, "wb+") as file:
        file.truncate(8192)
        area = mmap.mmap(file.fileno(), 8192)
        area[:5] = b"hello"
        area.flush()
    say("mmap-file", "ok" if open(path, "rb").read(5) == b"hello" else "wrong")
    shutil.copytree("/etc", directory + "/tree", ignore_dangling_symlinks=True)
    say("copytree", "ok")
memory = shared_memory.SharedMemory(create=True, size=4096)
memory.buf[:2] = b"ok"
say("shared-memory", bytes(memory.buf[:2]).decode())
memory.close()
memory.unlink()
import fcntl
with open("lock", "w") as file:
    fcntl.flock(file, fcntl.LOCK_EX)
    fcntl.lockf(file, fcntl.LOCK_EX)
say("locks", "ok")
