for path in ["/var/run/docker.sock", "/run/docker.sock", "/run/containerd/containerd.sock", "/run/podman/podman.sock", "/run/secrets", "/var/run/secrets/kubernetes.io",
             "/run/dbus/system_bus_socket", "/run/systemd/private", "/run/systemd/journal/socket", "/tmp/.X11-unix", "/run/user", "/run/postgresql", "/var/lib/kubelet", "/root/.docker", "/run/utmp"]:
    attempt(path.replace("/root/", "/home of root: "), os.stat, path)
for name in ["SSH_AUTH_SOCK", "DOCKER_HOST", "DBUS_SESSION_BUS_ADDRESS", "KUBERNETES_SERVICE_HOST", "XDG_RUNTIME_DIR"]:
    say(name, "unset" if name not in os.environ else "set")
