print("Killed", flush=True)
print("MemoryError: out of memory", file=sys.stderr, flush=True)
os._exit(137)
