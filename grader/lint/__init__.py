"""Checks for authors of tasks, and for students' notebooks."""
