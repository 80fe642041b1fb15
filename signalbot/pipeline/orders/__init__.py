"""Orders after the decision: intents, placement, booking, fees."""
