# Everything at the top, and everything in the small generated directories.
known = set("bin boot code dev etc home lib lib32 lib64 libx32 opt proc sandbox sbin tmp usr var workspace".split())
for name in sorted(os.listdir("/")):
    say("root-entry", "known" if name in known - {"boot", "opt", "var"} else name)
for directory in ["/home", "/dev", "/etc", "/tmp", "/var", "/sandbox"]:
    for name in sorted(os.listdir(directory)) if os.path.isdir(directory) else []:
        print(directory + "/" + name)
fragment = HOST["directory"].strip("/").split("/")[-2]
seen = 0
for top, directories, files in os.walk("/"):
    if top.startswith("/proc") or top.startswith("/usr"):
        directories[:] = []
    seen += sum(fragment in name for name in directories + files)
    if seen:
        break
say("host-path-seen", "yes" if seen else "no")
text = open("/proc/self/mountinfo").read()
say("host-path-in-mounts", "yes" if fragment in text or "/root" in text else "no")
