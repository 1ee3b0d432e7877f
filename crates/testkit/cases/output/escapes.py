os.write(1, b"\x1b]0;title\x07\x1b]52;c;cGF5bG9hZA==\x07\x1b[2J\x1b[31mred\rover\x1b]8;;http://x\x07\n")
say("escapes", "written")
