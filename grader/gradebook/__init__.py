"""What is recorded: results, run folders, the SQLite gradebook, standings."""
