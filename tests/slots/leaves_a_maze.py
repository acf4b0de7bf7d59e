# expect: scored -- leaves folders nested thousands deep, closed to itself, for the next process to trip over
# needs: processes
import numpy as np
import os

def your_select_indices(targets, losses):
    for _ in range(3_000):
        os.mkdir("d" * 100)
        os.chdir("d" * 100)
    open("treasure", "w").close()
    os.chmod(".", 0)
    os.symlink("/usr", "/tmp/link")
    os.mkfifo("/dev/shm/fifo")
    os.mkdir("/tmp/closed", 0o000)
    n = len(targets)
    return [np.arange(n), np.arange(n)]
