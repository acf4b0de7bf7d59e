# expect: invalid_output -- announces a frame of many terabytes
import numpy as np
import os
import struct

def your_select_indices(targets, losses):
    os.write(3, struct.pack('<4sIQ', b'slt1', 100, 1 << 50))
    n = len(targets)
    return [np.arange(n), np.arange(n)]
