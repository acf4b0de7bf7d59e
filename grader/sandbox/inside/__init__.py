"""The only files of this program that are visible in a sandbox."""
