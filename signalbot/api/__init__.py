"""HTTP and WebSocket: what the daemon shows, and how it is told what to do."""
