"""A task folder: its spec, sources, data, scoring and generated notebooks."""
