# Every number on the allow list, but those that make processes: none may be unknown to the sandbox.
ALLOWED = [
    0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29,
    30, 31, 32, 33, 34, 35, 36, 37, 38, 39, 40, 41, 42, 43, 44, 45, 46, 47, 48, 49, 50, 51, 52, 53, 54, 55, 59,
    60, 61, 62, 63, 64, 65, 66, 67, 72, 73, 74, 75, 76, 77, 78, 79, 80, 81, 82, 83, 84, 85, 86, 87, 88, 89, 90,
    91, 92, 93, 94, 95, 96, 97, 98, 99, 100, 102, 104, 105, 106, 107, 108, 109, 110, 111, 112, 113, 114, 115,
    116, 117, 118, 119, 120, 121, 122, 123, 124, 125, 126, 127, 128, 129, 130, 131, 132, 133, 135, 137, 138, 140,
    141, 142, 143, 144, 145, 146, 147, 148, 149, 150, 151, 152, 157, 158, 160, 162, 186, 187, 188, 189, 190, 191,
    192, 193, 194, 195, 196, 197, 198, 199, 200, 201, 202, 203, 204, 205, 211, 213, 217, 218, 219, 220, 221, 222,
    223, 224, 225, 226, 228, 229, 230, 231, 232, 233, 234, 235, 237, 238, 239, 247, 251, 252, 253, 254, 255, 257,
    258, 259, 260, 261, 262, 263, 264, 265, 266, 267, 268, 269, 270, 271, 273, 274, 277, 280, 281, 282, 283, 284,
    285, 286, 287, 288, 289, 290, 291, 292, 293, 294, 295, 296, 297, 299, 302, 306, 307, 309, 315, 316, 318, 319,
    322, 324, 325, 326, 327, 328, 329, 330, 331, 332, 334, 424, 434, 436, 439, 441, 444, 445, 446, 449, 452,
    453, 454, 455, 462, 463, 464, 465, 466
]
# Numbers that kernels of the supported range may lack.
YOUNG = {449, 452, 453, 454, 455, 462, 463, 464, 465, 466}


def call(number):
    signal.setitimer(signal.ITIMER_REAL, 0.2)
    try:
        syscall(number, 0, 0, 0, 0, 0, 0)
    except OSError as error:
        if error.errno == errno.ENOSYS and number not in YOUNG | ABSENT:
            raise
    return "reached"


# Calls that the processor's 64-bit mode does not have.
ABSENT = {205, 211}

for number in ALLOWED:
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        # Descriptor 0 is an empty pipe: calls that change what 0 names change nothing else.
        os.dup2(read, 0)
        os.close(write)
        os._exit(0 if result_of(call, number) == "reached" else 3)
    _, status = os.waitpid(child, 0)
    os.close(read)
    os.close(write)
    say("nr-%d" % number, "ENOSYS" if os.WIFEXITED(status) and os.WEXITSTATUS(status) == 3 else "reached")
