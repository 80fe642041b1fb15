"""Signal review and market analysis by language models, within a daily budget."""
