MIB = 1 << 20


def fill(action):
    descriptor = os.open("fill", os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        action(descriptor)
    finally:
        os.close(descriptor)
        os.unlink("fill")


def write_all(descriptor):
    for _ in range(40):
        if os.write(descriptor, b"x" * MIB) < MIB:
            os.write(descriptor, b"x")


def allocate(descriptor):
    os.posix_fallocate(descriptor, 0, 40 * MIB)


def allocate_keep(descriptor):
    syscall(285, descriptor, 1, 0, 40 * MIB)


def sparse_then_fill(descriptor):
    os.ftruncate(descriptor, 40 * MIB)
    for offset in range(0, 40 * MIB, MIB):
        os.pwrite(descriptor, b"x" * MIB, offset)


def deleted_open(descriptor):
    held = []
    for number in range(40):
        held.append(os.open("gone", os.O_RDWR | os.O_CREAT, 0o600))
        os.unlink("gone")
        if os.write(held[-1], b"x" * MIB) < MIB:
            os.write(held[-1], b"x")


for name, action in [("write", write_all), ("allocate", allocate), ("allocate-keep", allocate_keep), ("sparse", sparse_then_fill), ("deleted", deleted_open)]:
    apart(name, fill, action)
