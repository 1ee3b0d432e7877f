os._exit(143)
