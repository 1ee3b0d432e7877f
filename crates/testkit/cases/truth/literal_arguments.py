say("count", str(len(sys.argv)))
say("code-name", "plain" if os.path.basename(sys.argv[0]) == "literal_arguments.py" else sys.argv[0])
