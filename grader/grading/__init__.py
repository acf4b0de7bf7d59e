"""Grade one submission or a batch, from the cache where the program is known."""
