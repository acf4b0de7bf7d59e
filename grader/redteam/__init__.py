"""Attack a task with the hostile corpus and verify that nothing gave way."""
