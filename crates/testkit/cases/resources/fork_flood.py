import time

made = []
try:
    for _ in range(300):
        child = os.fork()
        if child == 0:
            time.sleep(8)
            os._exit(0)
        made.append(child)
    say("forks", "endless")
except OSError as error:
    say("forks", named(error.errno))
for child in made:
    os.kill(child, 9)
    os.waitpid(child, 0)
say("after", "alive")
