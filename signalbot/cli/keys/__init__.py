"""Commands that put secrets into the vault, without the daemon and without showing them."""
