"""Read a notebook, find its slot, compare it, rebuild it."""
