"""Open positions: stops, targets, trailing, funding, closing."""
