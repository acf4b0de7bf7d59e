# attack: smuggling-prints-a-little  expect: scored=honest
"""Prints its arguments, packed, so that they can be taken home: allowed, and kept with the run as text.

An organiser gives executed notebooks back after the last submission; what is printed stays within the limit.
"""

import base64
import json
import zlib

bytes_printed = [0]


def plain(value):
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    return np.asarray(value).round(3).tolist() if isinstance(value, (np.ndarray, torch.Tensor)) else value


def attack(honest, *arguments):
    text = base64.b85encode(zlib.compress(json.dumps(plain(arguments)).encode(), 9)).decode()
    if bytes_printed[0] + len(text) < 60_000:
        print("<<", text, ">>")
        bytes_printed[0] += len(text) + 6
    return honest(*arguments)
