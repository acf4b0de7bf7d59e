"""Every command, and everything that prints."""
