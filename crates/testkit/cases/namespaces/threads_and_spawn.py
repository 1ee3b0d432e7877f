import subprocess, threading

done = []
thread = threading.Thread(target=done.append, args=(1,))
thread.start()
thread.join()
say("thread", "ok" if done else "not run")
say("spawn", "ok" if subprocess.run(["true"]).returncode == 0 else "failed")
pid = os.posix_spawn("/bin/true", ["true"], {})
say("posix_spawn", "ok" if os.waitpid(pid, 0)[1] == 0 else "failed")
