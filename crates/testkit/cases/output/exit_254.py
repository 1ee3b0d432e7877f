os._exit(254)
