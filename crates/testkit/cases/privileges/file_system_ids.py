# These calls report no error: whether they had an effect is seen by asking again.
for name, number in [("setfsuid", 122), ("setfsgid", 123)]:
    for value in (0, 65534, 4242):
        LIBC.syscall(number, value)
        now = LIBC.syscall(number, -1)
        say("%s-%d" % (name, value), "changed" if now == value else "unchanged")
