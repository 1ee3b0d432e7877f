for name in ["mem", "kmem", "port", "sda", "vda", "nvme0n1", "kvm", "fuse", "net/tun", "vhost-net", "vhost-vsock", "loop-control", "loop0",
             "vsock", "uinput", "input/event0", "dri/card0", "nvidia0", "nvidiactl", "kmsg", "mapper/control", "btrfs-control", "hpet",
             "snapshot", "rtc0", "watchdog", "tty0", "tty1", "console", "vcs", "userfaultfd", "autofs", "cuse", "ppp", "snd", "bus"]:
    attempt(name, os.stat, "/dev/" + name)
