# expect: invalid_output -- announces brackets within brackets
import numpy as np
import os
import struct

def your_select_indices(targets, losses):
    header = b'[' * 500_000
    os.write(3, struct.pack('<4sIQ', b'slt1', len(header), 0) + header[:100_000])
    os.write(3, header[100_000:])
    n = len(targets)
    return [np.arange(n), np.arange(n)]
