"""Running the daemon: what it logs, without any secret, and when recurring work is due."""
