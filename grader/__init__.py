"""Grade competition notebooks: one student function, run in a sandbox, trained by protected cells."""

__version__ = "0.1.0"
