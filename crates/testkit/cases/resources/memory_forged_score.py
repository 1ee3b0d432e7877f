def lower():
    descriptor = os.open("/proc/self/oom_score_adj", os.O_WRONLY)
    os.write(descriptor, b"-1000")


attempt("oom-score", lower)
