say("query", "ok" if LIBC.personality(0xFFFFFFFF) >= 0 else "refused")
