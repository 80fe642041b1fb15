"""Commands that create and check strategy files."""
