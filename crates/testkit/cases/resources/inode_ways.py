def flood(make):
    for number in range(3000):
        make("n%d" % number)


os.mkdir("files"), os.mkdir("links")
for name, make in [("files", lambda n: os.close(os.open("files/" + n, os.O_CREAT | os.O_WRONLY))), ("directories", os.mkdir), ("symlinks", lambda n: os.symlink("x", "s" + n)),
                   ("pipes", lambda n: os.mkfifo("p" + n))]:
    attempt(name, flood, make)
