"""Grade on a Ray cluster."""
