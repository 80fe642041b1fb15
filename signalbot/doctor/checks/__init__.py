"""One module per check of the installation."""
