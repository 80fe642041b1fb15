"""Commands that write, check and explain the configuration."""
