"""The daemon as a process: start-up, the services around trading, the API, and an orderly stop."""
