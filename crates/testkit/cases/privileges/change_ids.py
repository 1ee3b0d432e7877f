for uid in (0, 1, 65534, 4242, 100000, 1048576, 4294967294):
    apart("setuid-%d" % uid, os.setuid, uid)
    apart("setresuid-%d" % uid, os.setresuid, uid, uid, uid)
    apart("setgid-%d" % uid, os.setgid, uid)
    apart("seteuid-%d" % uid, os.seteuid, uid)
apart("setgroups-none", os.setgroups, [])
apart("setgroups-docker", os.setgroups, [0, 999])
