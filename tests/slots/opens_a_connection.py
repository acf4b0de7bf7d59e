# expect: slot_error -- tries to reach the network
# needs: confinement
import numpy as np
import socket

def your_select_indices(targets, losses):
    socket.create_connection(('127.0.0.1', 80), timeout=5)
    n = len(targets)
    return [np.arange(n), np.arange(n)]
