import shutil

shutil.copy(os.path.realpath("/usr/bin/env"), "program")
attempt("capability-file", os.setxattr, "program", "security.capability", bytes.fromhex("01000002" + "00200000" + "00" * 12))
attempt("trusted", os.setxattr, "program", "trusted.battery", b"x")
attempt("selinux", os.setxattr, "program", "security.battery", b"x")
