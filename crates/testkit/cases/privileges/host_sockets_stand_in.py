# The planted file lies where a service's socket would: outside it can be read.
attempt("planted", read_file, HOST["readable"])
attempt("run", lambda: os.listdir("/run")[0] and None)
