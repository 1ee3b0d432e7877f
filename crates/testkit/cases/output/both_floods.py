block = b"z" * (1 << 18)
for _ in range(64):
    os.write(1, block)
    os.write(2, block)
