import time

end = time.time() + 3
while time.time() < end:
    os.write(1, b"y" * 65536)
