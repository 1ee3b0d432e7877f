attempt("sethostname", syscall, 170, b"owned", 5)
attempt("setdomainname", syscall, 171, b"owned", 5)
