# expect: time_limit -- forks in all processes at once and swallows every refusal
# needs: confinement
import os

def your_select_indices(targets, losses):
    while True:
        try:
            os.fork()
        except OSError:
            pass
