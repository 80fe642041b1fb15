"""What the operator sees of the daemon: its log, in words or in JSON, without any secret."""
