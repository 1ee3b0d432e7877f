import time

for number in range(5):
    print("line", number, flush=True)
sys.stderr.write("words on the other stream\n")
sys.stderr.flush()
time.sleep(3)
print("too late")
