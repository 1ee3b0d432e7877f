"""What the attacks are made with: a real server, raw connections, and a look at the host."""
