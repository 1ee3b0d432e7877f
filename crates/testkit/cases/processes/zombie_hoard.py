made = 0
try:
    for _ in range(400):
        if os.fork() == 0:
            os._exit(0)
        made += 1
    say("hoard", "endless")
except OSError as error:
    say("hoard", named(error.errno))
say("bounded", "yes" if made < 64 else str(made))
