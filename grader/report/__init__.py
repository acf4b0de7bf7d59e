"""Pages: leaderboard, feedback, similar programs."""
