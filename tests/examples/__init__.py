"""Examples of the package work as they are."""
