os._exit(126)
