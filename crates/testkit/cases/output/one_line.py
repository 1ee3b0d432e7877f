view = memoryview(b"z" * (1 << 20))
for _ in range(32):
    rest = view
    while rest:
        rest = rest[os.write(1, rest):]
os.write(1, b"the end")
