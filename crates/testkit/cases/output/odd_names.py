for name in [b"new\nline", b"\x1b[31mred", b"\xff\xfe", b"-rf", "…é".encode(), b"tab\there"]:
    open(os.path.join(os.getcwdb(), name), "w").close()
    os.write(1, name + b"\n")
say("written", "ok")
exec(compile("raise ValueError('\x1b[31m')", "odd\nname\x1b[2J.py", "exec"))
