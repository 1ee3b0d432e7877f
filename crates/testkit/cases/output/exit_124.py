os._exit(124)
