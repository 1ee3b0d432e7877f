for path in ["/sys/class/dmi/id/product_uuid", "/sys/class/net", "/sys/block", "/sys/class/thermal", "/sys/class/powercap", "/sys/fs/cgroup", "/sys/kernel/mm", "/sys/devices/system/node",
             "/sys/firmware", "/sys/module", "/sys/bus/pci/devices", "/sys/hypervisor", "/sys/kernel/vmcoreinfo"]:
    attempt(path, lambda: os.listdir(path) and None if os.path.isdir(path) else os.stat(path) and None)
