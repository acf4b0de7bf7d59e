"""Grades for other platforms, and zips to hand out."""
