"""What the daemon measures of itself, in the format Prometheus reads."""
