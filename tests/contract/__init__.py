"""What every account does behind ``ports.Broker``: simulated, on paper, or at an exchange."""
