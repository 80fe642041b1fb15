"""HTTP and WebSocket API of the daemon."""
