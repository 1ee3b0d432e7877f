for number in [39, 0, 1, 41, 56, 101, 165, 272, 512, 520, 521, 545]:
    apart("x32-%d" % number, syscall, number | 0x40000000, 0, 0, 0, 0, 0, 0)
for number in [-1, 0xFFFFFFFF, 999, 100000, 0x7FFFFFFF]:
    apart("nr-%d" % number, syscall, number, 0, 0, 0, 0, 0, 0)
