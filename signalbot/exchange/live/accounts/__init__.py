"""State of live accounts: balances, setup, polling."""
