import fcntl

# The host holds this lock; a lock of the same file inside is another one.
descriptor = os.open("/usr/bin/env", os.O_RDONLY)
attempt("flock", fcntl.flock, descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
attempt("lease", fcntl.fcntl, descriptor, fcntl.F_SETLEASE, fcntl.F_RDLCK)
