def run(arguments):
    child = os.fork()
    if child == 0:
        try:
            os.execv("/bin/true", ["true"] + arguments)
        except OSError as error:
            os._exit(100 + error.errno if error.errno < 100 else 99)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    if code:
        raise OSError(code - 100, "")


attempt("one-of-200k", run, ["x" * 200_000])
attempt("four-megabytes", run, ["x" * 100_000] * 80)
for number in range(8):
    with open("chain%d" % number, "w") as file:
        file.write("#!%s/chain%d\n" % (os.getcwd(), number + 1))
    os.chmod("chain%d" % number, 0o755)


def chain():
    child = os.fork()
    if child == 0:
        try:
            os.execv(os.getcwd() + "/chain0", ["chain0"])
        except OSError as error:
            os._exit(error.errno)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    raise OSError(code, "")


attempt("interpreter-chain", chain)
