"""Turn files, zips and downloads into submissions of students."""
