os.makedirs("/tmp/battery-f", exist_ok=True)
held = {}


def keep(name, *args):
    held[name] = syscall(*args)


attempt("fsopen", keep, "fs", 430, b"tmpfs", 0)
attempt("fsconfig", syscall, 431, held.get("fs", -1), 6, None, None, 0)
attempt("fsmount", keep, "mount", 432, held.get("fs", -1), 0, 0)
attempt("move_mount", syscall, 429, held.get("mount", -1), b"", -100, b"/tmp/battery-f", 4)
attempt("open_tree", keep, "tree", 428, -100, b"/usr", 1 | 0x8000)
attempt("open_tree-plain", syscall, 428, -100, b"/usr", 0)
attempt("fspick", syscall, 433, -100, b"/tmp/battery-f", 0)
attributes = ctypes.create_string_buffer((1).to_bytes(8, "little") + bytes(24), 32)
attempt("mount_setattr", syscall, 442, -100, b"/tmp/battery-f", 0, ctypes.byref(attributes), 32)
attempt("open_tree_attr", syscall, 467, -100, b"/usr", 1, ctypes.byref(attributes), 32)
