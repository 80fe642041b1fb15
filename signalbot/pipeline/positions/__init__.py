"""Open positions: stops, take profits, funding, closing."""
