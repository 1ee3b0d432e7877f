signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
descriptor = os.open("large", os.O_RDWR | os.O_CREAT, 0o600)
for _ in range(8):
    os.write(descriptor, b"x" * (1 << 20))
