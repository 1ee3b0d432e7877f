block = b"z" * (1 << 20)
for _ in range(64):
    os.write(1, block)
