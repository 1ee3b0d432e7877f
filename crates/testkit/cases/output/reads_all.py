total = 0
while True:
    piece = os.read(0, 1 << 16)
    if not piece:
        break
    total += len(piece)
say("bytes", str(total))
