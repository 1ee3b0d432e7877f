say("start", "ok")
kept = []
for _ in range(40):
    kept.append(bytearray(8 << 20))
say("allocated", "all")
