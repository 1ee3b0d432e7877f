wrote = set()
for number in range(3, 1024):
    try:
        os.write(number, b'{"outcome":"exited","exit_code":0}')
        wrote.add("ok")
    except OSError as error:
        wrote.add(named(error.errno))
say("descriptors-3-to-1023", "+".join(sorted(wrote)))
say("write-to-input", result_of(os.write, 0, b"x"))
