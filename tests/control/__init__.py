"""What the control plane promises, without its sockets."""
