"""The manual's pages do what they say."""
