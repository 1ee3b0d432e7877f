import re

for path in ["~/.aws/credentials", "~/.config/gcloud", "~/.azure", "~/.kube/config", "~/.docker/config.json", "~/.netrc", "~/.git-credentials", "~/.gitconfig", "~/.npmrc", "~/.pypirc",
             "~/.ssh/id_rsa", "~/.ssh/id_ed25519", "~/.cargo/credentials.toml", "~/.bash_history", "~/.python_history", "~/.config/pip/pip.conf", "/etc/pip.conf", "/etc/krb5.keytab", "/etc/ssh/ssh_host_rsa_key",
             "/root/.netrc", "/root/.pypirc", "/etc/kubernetes", "/etc/shadow-", "/etc/gshadow", "/var/run/secrets"]:
    attempt(path.replace("/root/", "home of root: "), os.stat, os.path.expanduser(path))
pattern = re.compile(rb"-----BEGIN [A-Z ]*PRIVATE KEY-----")
found = 0
# Without the sandbox the temporary files of the whole machine would be searched.
places = ["/etc", "/home", "/workspace", "/tmp", "/code", "/sandbox"] if os.path.isdir("/workspace") else []
for top in places:
    for directory, _, files in os.walk(top):
        for name in files:
            try:
                found += bool(pattern.search(open(os.path.join(directory, name), "rb").read(1 << 20)))
            except OSError:
                pass
say("private-keys", "none" if not found else str(found))
