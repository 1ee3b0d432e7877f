# Whatever hooks a program plants run in confined processes only.
import subprocess

hook = "grep -E '^(NoNewPrivs|Seccomp|CapEff):' /proc/self/status | tr -d '\\t' | tr '\\n' ' '\n"
open("/home/user/.bashrc" if os.path.isdir("/home/user") else "bashrc", "w").write(hook)
open("env.sh", "w").write(hook)
text = subprocess.run(["bash", "-c", "true"], env={"BASH_ENV": "./env.sh", "PATH": "/usr/bin:/bin"}, capture_output=True, text=True).stdout
say("bash-env", text.strip())
open("sitecustomize.py", "w").write("import os; os.system(%r)\n" % hook.strip())
text = subprocess.run([sys.executable, "-c", "1"], env={"PYTHONPATH": os.getcwd(), "PATH": "/usr/bin:/bin"}, capture_output=True, text=True).stdout
say("sitecustomize", text.strip())
