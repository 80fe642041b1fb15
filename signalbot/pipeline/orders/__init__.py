"""Orders from intent to booking: placement, entries, fills, fees."""
