for path in ["/tmp", "/var/tmp", "/dev/shm", "/run", "/run/lock", "/var/run", "/var/lock", "/dev/mqueue"]:
    names = os.listdir(path) if os.path.isdir(path) else []
    foreign = [name for name in names if HOST["abstract"] in name or "cellblock" in name or "battery" in name]
    say("foreign in " + path, "none" if not foreign else "some")
attempt("planted-file-write", open_for_writing, HOST["readable"])
attempt("planted-directory-write", lambda: os.close(os.open(HOST["directory"] + "/new", os.O_CREAT | os.O_WRONLY)))
attempt("fifo-in-host", os.mkfifo, HOST["directory"] + "/fifo")
