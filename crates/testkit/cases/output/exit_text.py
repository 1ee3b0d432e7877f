sys.exit("some words")
