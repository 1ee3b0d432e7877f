signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGRTMIN])
sent = 0
data = ctypes.create_string_buffer(128)
information = (34).to_bytes(4, "little") + bytes(4) + (-1).to_bytes(4, "little", signed=True) + bytes(116)
packet = ctypes.create_string_buffer(information, 128)
try:
    for sent in range(20000):
        syscall(129, os.getpid(), 34, ctypes.byref(packet))
    say("queue", "endless")
except OSError as error:
    say("queue", named(error.errno))
