"""The graders that the script peers.py beside this folder compares."""
